import { execFileSync } from 'node:child_process';
import { ContainerState } from '../../generated/cri/v1/api';
import { MAX_EXEC_SPEC_BYTES } from '../../src/cri/container/exec-process';
import { MAX_VARIABLES } from '../../src/oci/process/env';
import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  exec,
  exitOf,
  failure,
  logLines,
  logOf,
  nothingLeft,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const MIB = 1024 * 1024;
const VERSIONS = (['1.6', '2'] as const).filter(isAtHand);

/** Beside those of a request: what the image, crisp and the shell add. */
const REST = 64;
/** Of a word of a long command: less than Linux takes of one argument. */
const WORD_BYTES = 100 * 1024;

let node: TestNode;

const INVALID_ARGUMENT = 3;
const TOO_LARGE = expect.stringMatching(/^cmd: with the container's variables it takes \d+ bytes as JSON/);

/** As many variables as a request may have, each of so many bytes with its NUL and its pointer. */
function variables(bytes: number): { key: string; value: Buffer }[] {
  return Array.from({ length: MAX_VARIABLES - REST }, (_, at) => {
    const key = `V${at.toString(36)}`;
    return { key, value: Buffer.from('v'.repeat(bytes - key.length - '=\0'.length - 8)) };
  });
}

/** What the containers to come may take for their stacks: Linux gives arguments and variables a quarter of it, 6 MiB at most. */
function limitStacks(bytes: number): void {
  execFileSync('prlimit', ['--pid', String(node.containerd.daemon.pid), `--stack=${bytes}:`]);
}

describe.each(VERSIONS.map((version) => ({ version })))('On containerd $version', ({ version }) => {
  beforeAll(async () => {
    node = await startNode({ version });
  }, 120 * SECOND);
  afterAll(async () => {
    await node?.stop();
  }, 60 * SECOND);

  it.each([
    { bytes: 31, stack: 8, mayExec: true },
    // An exec has them all, too: more than containerd tells a shim at once.
    { bytes: 95, stack: 32, mayExec: false },
  ])(
    'a container has all variables of a request, of $bytes bytes each, with a stack of $stack MiB; also after a restart',
    async ({ bytes, stack, mayExec }) => {
      limitStacks(stack * MIB);
      const pod = await runPod(node);
      const envs = variables(bytes);
      const id = await runContainer(node, pod, shell('app', 'env | grep -c ^V; sleep 1000', { envs }));
      const logged = (): string[] => logLines(logOf(pod, 'app')).map(({ text }) => text);
      await until('the variables are counted', 20 * SECOND, async () => logged().length > 0);
      expect(logged()).toEqual([`${envs.length}`]);
      const requireExec = async (): Promise<void> => {
        const counted = exec(node, id, 'sh', '-c', 'env | grep -c ^V');
        if (mayExec) expect(await counted).toMatchObject({ stdout: `${envs.length}\n`, exitCode: 0 });
        else expect(await failure(counted)).toMatchObject({ code: INVALID_ARGUMENT, message: TOO_LARGE });
      };
      await requireExec();
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      expect(await statusOf(node, id)).toMatchObject({ state: ContainerState.CONTAINER_RUNNING });
      await requireExec();
      await removePod(node, pod);
      await nothingLeft(node);
    },
    120 * SECOND,
  );

  it(
    'an exec may be as large as containerd tells it to a shim, and no byte larger',
    async () => {
      limitStacks(32 * MIB);
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('app', 'sleep 1000'));
      const words = Array.from({ length: Math.floor(MAX_EXEC_SPEC_BYTES / WORD_BYTES) }, () => 'w'.repeat(WORD_BYTES));
      const count = (last: number): ReturnType<typeof exec> =>
        exec(node, id, 'sh', '-c', 'echo $#', 'sh', ...words, 'w'.repeat(last));
      const { message } = await failure(count(WORD_BYTES));
      const over = Number(/takes (\d+) bytes/.exec(message)?.[1]) - MAX_EXEC_SPEC_BYTES;
      expect(await count(WORD_BYTES - over)).toMatchObject({ stdout: `${words.length + 1}\n`, exitCode: 0 });
      const error = await failure(count(WORD_BYTES - over + 1));
      expect(error).toMatchObject({ code: INVALID_ARGUMENT, message: TOO_LARGE });
      expect(error.message).toContain(`takes ${MAX_EXEC_SPEC_BYTES + 1} bytes`);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );

  it(
    'more than a quarter of the stack the kernel does not take: the container ends, and its log says why',
    async () => {
      limitStacks(8 * MIB);
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('app', 'true', { envs: variables(95) }));
      const { exitCode } = await exitOf(node, id);
      expect(exitCode).not.toBe(0);
      expect(logLines(logOf(pod, 'app')).map(({ text }) => text)).toEqual([
        expect.stringContaining('argument list too long'),
      ]);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});
