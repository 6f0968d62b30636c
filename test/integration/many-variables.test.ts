import { execFileSync } from 'node:child_process';
import { ContainerState } from '../../generated/cri/v1/api';
import { MAX_VARIABLES } from '../../src/oci/env';
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

let node: TestNode;

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
    // An exec has them all, too, and containerd's ttrpc takes no message of more than 4 MiB.
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
        else expect((await failure(counted)).message).toContain('maximum message size of 4194304');
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
