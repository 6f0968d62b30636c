import { setTimeout as pause } from 'node:timers/promises';

import { ExecSyncRequest } from '../../generated/cri/v1/api';
import { errorMessage } from '../../src/base/errors';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';
import type { CommandProtocol } from '../support/kubelet/command';
import type { Outcome } from '../support/kubelet/outcome';
import { talkTo } from '../support/node/attach';
import { openStreamed, runStreamed, type StreamedCommand } from '../support/node/exec-stream';
import type { Seeded } from '../support/seeded';
import { CALL_MS, type Ground, wrong } from './ground';
import type { PodCalls } from './pod-calls';

type Streams = Pick<StreamedCommand, 'tty' | 'stdin' | 'stdout' | 'stderr'>;

/** Every combination that Exec takes: at least one stream, and a terminal has one output. */
export const STREAMS: readonly Streams[] = [false, true]
  .flatMap((tty) => [false, true].map((stdin) => ({ tty, stdin })))
  .flatMap((each) => [false, true].map((stdout) => ({ ...each, stdout })))
  .flatMap((each) => [false, true].map((stderr) => ({ ...each, stderr })))
  .filter(({ tty, stdin, stdout, stderr }) => (stdin || stdout || stderr) && !(tty && stderr));

const PROTOCOLS: readonly CommandProtocol[] = ['v4.channel.k8s.io', 'v5.channel.k8s.io'];
const LEAVES_MS = 100;

/** What is asked of one running container, each answer looked at. */
export class Commands {
  constructor(
    private readonly ground: Ground,
    private readonly calls: PodCalls,
    private readonly containerId: string,
  ) {}

  /** One of them, by chance. */
  async any(): Promise<void> {
    const { random } = this.ground;
    const chance = random.next();
    if (this.calls.isVictim('ExecSync')) return this.cutOffExecSync();
    if (chance < 0.45) return this.execSync();
    if (chance < 0.5) return this.overdueExecSync();
    if (chance < 0.9) return this.exec();
    return this.leftExec();
  }

  /** Says something to a container that repeats it. */
  async attach(): Promise<void> {
    const { cri, random, done } = this.ground;
    const word = wordOf(random);
    try {
      await talkTo({ cri }, this.containerId, word, { tty: false });
    } catch (error) {
      wrong(this.ground, 'wrong answers of Attach', `${this.containerId}: ${errorMessage(error)}`);
    }
    done.add('Attach answered');
  }

  private async execSync(): Promise<void> {
    const { cri, random, done } = this.ground;
    const code = random.between(0, 120);
    const cmd = ['sh', '-c', `echo out ${code}; echo err >&2; exit ${code}`];
    const request = ExecSyncRequest.fromPartial({ containerId: this.containerId, cmd, timeout: 30n });
    const { stdout, stderr, exitCode } = await this.calls.call('ExecSync', (options) =>
      cri.runtime.execSync(request, options),
    );
    const answer = `${stdout}${stderr}${exitCode}`;
    if (answer !== `out ${code}\nerr\n${code}`) {
      wrong(this.ground, 'wrong answers of ExecSync', `${this.containerId}: ${JSON.stringify(answer)} for ${code}`);
    }
    done.add('ExecSync answered');
  }

  /** A probe that takes longer than it may. */
  private async overdueExecSync(): Promise<void> {
    const { cri, done } = this.ground;
    const request = ExecSyncRequest.fromPartial({ containerId: this.containerId, cmd: ['sleep', '100'], timeout: 1n });
    const ended = await cri.runtime.execSync(request, { timeoutMs: CALL_MS }).then(
      ({ exitCode }) => `it ended with ${exitCode}`,
      (error: unknown) => {
        const right = error instanceof RpcCallError && error.code === Code.DEADLINE_EXCEEDED;
        return right ? undefined : errorMessage(error);
      },
    );
    if (ended !== undefined) {
      wrong(this.ground, 'wrong answers of ExecSync', `${this.containerId}: a command that is overdue: ${ended}`);
    }
    done.add('ExecSync ended by its timeout');
  }

  private async cutOffExecSync(): Promise<void> {
    const { cri } = this.ground;
    const request = ExecSyncRequest.fromPartial({ containerId: this.containerId, cmd: ['sleep', '100'], timeout: 20n });
    await this.calls.cutOff('ExecSync', (options) => cri.runtime.execSync(request, options));
  }

  private async exec(): Promise<void> {
    const { cri, random, done } = this.ground;
    const streams = random.pick(STREAMS);
    const [word, code] = [wordOf(random), random.between(0, 120)];
    const script = `${streams.stdin ? 'read -r l' : `l=${word}`}; echo "out $l"; echo "err $l" >&2; exit ${code}`;
    const command: StreamedCommand = { containerId: this.containerId, cmd: ['sh', '-c', script], ...streams };
    const options = { protocol: random.pick(PROTOCOLS), input: `${word}\n` };
    const problem = await runStreamed({ cri }, command, options).then(
      (outcome) => wrongOutcome(streams, outcome, { word, code }),
      (error: unknown) => errorMessage(error),
    );
    const name = nameOf(streams);
    if (problem !== undefined) wrong(this.ground, 'wrong answers of Exec', `${this.containerId}, ${name}: ${problem}`);
    done.add(`Exec answered, ${name}`);
  }

  /** The client of a command that goes on goes away: the command is ended. */
  private async leftExec(): Promise<void> {
    const { cri, random, done } = this.ground;
    const command = { containerId: this.containerId, cmd: ['sleep', '1000'], ...random.pick(STREAMS) };
    try {
      const channels = await openStreamed({ cri }, command, random.pick(PROTOCOLS));
      await pause(random.between(0, LEAVES_MS));
      channels.leave();
      await channels.closed;
    } catch (error) {
      wrong(this.ground, 'wrong answers of Exec', `${this.containerId}, left by its client: ${errorMessage(error)}`);
    }
    done.add('Exec left by its client');
  }
}

/** What is wrong with what came of `echo "out $l"; echo "err $l" >&2; exit CODE`; undefined when nothing is. */
export function wrongOutcome(
  { tty, stdin, stdout, stderr }: Streams,
  outcome: Pick<Outcome, 'stdout' | 'stderr' | 'exitCode' | 'message'>,
  { word, code }: { readonly word: string; readonly code: number },
): string | undefined {
  // A terminal repeats what is typed, and has both outputs.
  const terminal = `${stdin ? `${word}\r\n` : ''}out ${word}\r\nerr ${word}\r\n`;
  const wanted = [!stdout ? '' : tty ? terminal : `out ${word}\n`, stderr ? `err ${word}\n` : '', code];
  const got = [outcome.stdout, outcome.stderr, outcome.exitCode];
  if (JSON.stringify(got) === JSON.stringify(wanted)) return undefined;
  return `${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}${outcome.message ? ` (${outcome.message})` : ''}`;
}

function nameOf(streams: Streams): string {
  const names = (['tty', 'stdin', 'stdout', 'stderr'] as const).filter((name) => streams[name]);
  return names.join(' and ');
}

function wordOf(random: Seeded): string {
  return `w${random.between(100_000, 999_999)}`;
}
