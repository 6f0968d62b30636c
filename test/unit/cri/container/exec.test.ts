import { AttachRequest, type DeepPartial, ExecRequest } from '../../../../generated/cri/v1/api';
import { attach } from '../../../../src/cri/container/attach';
import { exec } from '../../../../src/cri/container/exec';
import { toStatus } from '../../../../src/cri/errors';
import { Code } from '../../../../src/rpc/code';
import { TooManyRequests } from '../../../../src/streaming/request-cache';
import type { StreamingRequest } from '../../../../src/streaming/serve-upgrade';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { ended, useRig } from '../../../support/use-rig';

const rig = useRig();
const OUT = { tty: false, stdin: false, stdout: true, stderr: false };

/** The deps with a streaming server that remembers what it was asked for. */
function withUrls() {
  const asked: StreamingRequest[] = [];
  const urlFor = (request: StreamingRequest): string => {
    asked.push(request);
    return `http://127.0.0.1:1/${request.kind}/token`;
  };
  return { asked, deps: { ...rig.now.deps, streaming: { urlFor } } };
}

describe.each(['Exec', 'Attach'] as const)('%s', (rpc) => {
  /** Asks for a URL; fields that only Exec has are passed over by Attach. */
  async function ask(request: DeepPartial<AttachRequest>) {
    const { asked, deps } = withUrls();
    const { url } =
      rpc === 'Exec'
        ? await exec(deps, ExecRequest.fromPartial({ cmd: ['date'], ...request }))
        : await attach(deps, AttachRequest.fromPartial(request));
    return { url, asked };
  }

  it('answers a URL for what was asked, and runs nothing yet', async () => {
    const { id, sandboxId } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const { url, asked } = await ask({ containerId: id.slice(0, 13), stdin: true, stdout: true, stderr: true });
    const streams = { tty: false, stdin: true, stdout: true, stderr: true };
    const kind = rpc.toLowerCase();
    const cmd = rpc === 'Exec' ? { cmd: ['date'] } : {};
    expect(url).toBe(`http://127.0.0.1:1/${kind}/token`);
    expect(asked).toEqual([{ kind, request: { containerId: id, sandboxId, ...streams, ...cmd } }]);
    expect(rig.now.fake.state.tasks.get(id)?.execs.size).toBe(0);
  });

  it.each([
    ['no stream', { tty: false, stdin: false, stdout: false, stderr: false }],
    ['a terminal with stderr', { tty: true, stdin: true, stdout: true, stderr: true }],
  ])('refuses %s with INVALID_ARGUMENT', async (_what, streams) => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    await expect(ask({ containerId: id, ...streams })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('refuses an empty id with INVALID_ARGUMENT and an unknown one with NOT_FOUND', async () => {
    await expect(ask({ ...OUT, containerId: '' })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    await expect(ask({ ...OUT, containerId: 'nobody' })).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('refuses a container that does not run yet, or any more, with FAILED_PRECONDITION', async () => {
    const pod = await runPod(rig.now);
    const created = (await makeContainer(rig.now, pod)).metadata.id;
    await expect(ask({ ...OUT, containerId: created })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    const exited = (await runContainer(rig.now, pod, { metadata: { name: 'other' } })).metadata.id;
    rig.now.fake.process(exited).exit(0);
    await ended(rig.now, exited);
    await expect(ask({ ...OUT, containerId: exited })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('answers RESOURCE_EXHAUSTED when too many URLs wait to be dialled', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const urlFor = (): string => {
      throw new TooManyRequests('1000 streaming URLs wait to be dialled already');
    };
    const deps = { ...rig.now.deps, streaming: { urlFor } };
    const asking = exec(deps, ExecRequest.fromPartial({ ...OUT, containerId: id, cmd: ['date'] }));
    const error = await asking.catch((thrown: unknown) => thrown);
    expect(toStatus(error, rig.now.call()).code).toBe(Code.RESOURCE_EXHAUSTED);
  });
});

describe('Exec', () => {
  it('refuses an empty command with INVALID_ARGUMENT', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const asking = exec(withUrls().deps, ExecRequest.fromPartial({ ...OUT, containerId: id, cmd: [] }));
    await expect(asking).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});
