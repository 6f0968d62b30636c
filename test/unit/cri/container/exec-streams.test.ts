import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs';
import { ExecRequest, ExecSyncRequest } from '../../../../generated/cri/v1/api';
import { noMetrics } from '../../../../src/base/metrics';
import { exec } from '../../../../src/cri/container/exec';
import { execSync } from '../../../../src/cri/container/exec-sync';
import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import { Code } from '../../../../src/rpc/code';
import { StreamingServer } from '../../../../src/streaming/server';
import type { FakeProcess } from '../../../support/fake/fake-process';
import { runContainer, runPod } from '../../../support/story-pods';
import { ALL_CHOICES, isPossible, nameOf, runOver, type Streams } from '../../../support/streaming/run-command';
import { until } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const LINE = 'a line\n';
const CODE = 7;

const rig = useRig();
let server: StreamingServer;
let id: string;

beforeEach(async () => {
  const { deps } = rig.now;
  server = new StreamingServer({
    address: '127.0.0.1',
    port: 0,
    tls: false,
    idleTimeoutMs: 0,
    creationTimeoutMs: 60_000,
    runtime: streamingRuntime(deps),
    log: deps.log,
    metrics: noMetrics,
  });
  await server.listen();
  id = (await runContainer(rig.now, await runPod(rig.now))).metadata.id;
  rig.now.fake.world.onStart = (process) => {
    if (process.execId !== '') void command(process);
  };
});
afterEach(() => server.stop());

/** What every command does: prints, repeats a line of its stdin if it has one, and ends. */
async function command(process: FakeProcess): Promise<void> {
  process.write('stdout', 'out\n');
  process.write('stderr', 'err\n');
  if (process.facts.stdin !== '') process.write('stdout', await lineOf(process.facts.stdin));
  process.exit(CODE);
}

async function lineOf(fifo: string): Promise<string> {
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(100);
  let text = '';
  await until('a line', () => {
    try {
      text += buffer.toString('latin1', 0, readSync(fd, buffer));
    } catch {
      // Nothing there.
    }
    return text.endsWith('\n');
  });
  closeSync(fd);
  return text;
}

/** What a command has left in the daemon and on disk. */
function left(): string[] {
  const execs = [...(rig.now.fake.state.tasks.get(id)?.execs.keys() ?? [])];
  return [...execs, ...readdirSync(rig.now.deps.paths.io(id)).filter((name) => !name.startsWith(id))];
}

async function urlFor(streams: Streams): Promise<string> {
  const deps = { ...rig.now.deps, streaming: server };
  const { url } = await exec(deps, ExecRequest.fromPartial({ containerId: id, cmd: ['date'], ...streams }));
  return url;
}

const named = (choices: readonly Streams[]): [string, Streams][] => choices.map((each) => [nameOf(each), each]);

describe.each(['spdy', 'websocket'] as const)('A command over %s', (transport) => {
  it.each(named(ALL_CHOICES.filter(isPossible)))('with %s has its output and its exit code', async (_name, wanted) => {
    const seen = await runOver(transport, await urlFor(wanted), wanted, LINE);
    expect(seen).toEqual({
      stdout: wanted.stdout ? `out\n${wanted.stdin ? LINE : ''}` : '',
      stderr: wanted.stderr ? 'err\n' : '',
      end: CODE,
    });
    await until('nothing is left', () => left().length === 0);
  });
});

describe('Exec', () => {
  it.each(named(ALL_CHOICES.filter((each) => !isPossible(each))))('with %s is refused', async (_name, wanted) => {
    await expect(urlFor(wanted)).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe('ExecSync', () => {
  it('has both outputs and the exit code', async () => {
    const request = ExecSyncRequest.fromPartial({ containerId: id, cmd: ['date'] });
    const { stdout, stderr, exitCode } = await execSync(rig.now.deps, request, rig.now.call());
    expect([String(stdout), String(stderr), exitCode]).toEqual(['out\n', 'err\n', CODE]);
    expect(left()).toEqual([]);
  });
});
