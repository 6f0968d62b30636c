import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import { Code } from '../../../../src/rpc/code';
import type { AttachEnd, AttachOptions, LastingStdio } from '../../../../src/stdio/stdio-service';
import type { AttachRequest } from '../../../../src/streaming/streaming-runtime';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { FakeClient } from '../../../support/streaming/process-streams';
import { settle, until } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const rig = useRig();

/** A container with these settings, a client, and the attachment that the runtime asks of its stdio. */
async function attached(
  config: { tty?: boolean; stdin?: boolean; stdinOnce?: boolean },
  asked: Partial<AttachRequest> = {},
) {
  const { id, sandboxId } = (await runContainer(rig.now, await runPod(rig.now), config)).metadata;
  const client = new FakeClient();
  const seen: { options?: AttachOptions; detached: number; end: (how: AttachEnd) => void } = {
    detached: 0,
    end: () => undefined,
  };
  const stdio = {
    attach: async (_id: string, options: AttachOptions) => {
      seen.options = options;
      const done = new Promise<AttachEnd>((resolve) => {
        seen.end = resolve;
      });
      const detach = (): void => {
        seen.detached++;
        seen.end('detached');
      };
      return { done, detach };
    },
  };
  const deps = { ...rig.now.deps, stdio: stdio as unknown as LastingStdio };
  const all = { tty: config.tty ?? false, stdin: true, stdout: true, stderr: !config.tty };
  const ending = streamingRuntime(deps).attach({ containerId: id, sandboxId, ...all, ...asked }, client);
  ending.catch(() => undefined);
  await until('the attachment', () => seen.options !== undefined);
  return { id, client, seen, ending };
}

describe('A client that attaches', () => {
  it('is joined to the streams it wants, until the outputs end', async () => {
    const { client, seen, ending } = await attached({ stdin: true });
    const { stdin, stdout, stderr } = client;
    expect(seen.options).toMatchObject({ closeStdinAtEnd: false });
    expect([seen.options?.stdin, seen.options?.stdout, seen.options?.stderr]).toEqual([stdin, stdout, stderr]);
    seen.end('ended');
    await ending;
    expect(seen.detached).toBe(0);
    client.leave(); // nobody listens any more
    expect(seen.detached).toBe(0);
  });

  it('to a terminal has no stderr, and its sizes', async () => {
    const { id, client, seen, ending } = await attached({ tty: true, stdin: true });
    expect(seen.options?.stderr).toBeUndefined();
    client.resize({ width: 100, height: 30 });
    await until('the size', () => rig.now.fake.process(id).size?.width === 100);
    seen.end('ended');
    await ending;
  });

  it('without a terminal has no sizes', async () => {
    const { id, client, seen, ending } = await attached({ stdin: true });
    client.resize({ width: 100, height: 30 });
    await settle();
    expect(rig.now.fake.process(id).size).toBeUndefined();
    seen.end('ended');
    await ending;
  });

  it('is detached at once when it leaves, which is no error', async () => {
    const { client, seen, ending } = await attached({ stdin: true });
    client.leave();
    await ending;
    expect(seen.detached).toBe(1);
  });

  it('is told when it is too slow', async () => {
    const { seen, ending } = await attached({});
    seen.end('slow');
    await expect(ending).rejects.toThrow('the client took its output too slowly');
  });

  it.each([
    [{ stdin: true, stdinOnce: true }, true],
    [{ stdin: true, stdinOnce: false }, false],
    [{ stdin: true, stdinOnce: true, tty: true }, false],
  ])('to a container of %j ends its stdin for good with its own: %s', async (config, closes) => {
    const { id, seen, ending } = await attached(config);
    expect(seen.options?.closeStdinAtEnd).toBe(closes);
    seen.options?.onStdinEnd?.();
    if (closes) await until('the end of stdin', () => rig.now.fake.process(id).stdinClosed);
    else await settle();
    expect(rig.now.fake.process(id).stdinClosed).toBe(closes);
    seen.end('ended');
    await ending;
  });

  it.each([
    ['unknown', Code.NOT_FOUND],
    ['not running', Code.FAILED_PRECONDITION],
  ])('to a container that is %s is refused', async (what, code) => {
    const container = await makeContainer(rig.now, await runPod(rig.now));
    const containerId = what === 'unknown' ? 'nobody' : container.metadata.id;
    const request = { containerId, sandboxId: 'pod', tty: false, stdin: false, stdout: true, stderr: true };
    await expect(streamingRuntime(rig.now.deps).attach(request, new FakeClient())).rejects.toMatchObject({ code });
  });
});
