import { reopenContainerLog } from '../../../../src/cri/container/reopen-container-log';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { ended, useRig } from '../../../support/use-rig';

const rig = useRig();
const reopen = (containerId: string) => reopenContainerLog(rig.now.deps, { containerId });
const pod = () => runPod(rig.now, { logDirectory: '/var/log/pods/web' });
const reopened = (): number => rig.now.faults.calls.filter((call) => call === 'reopen').length;

describe('ReopenContainerLog', () => {
  it('opens the log of a running container anew, at the same path', async () => {
    const { metadata } = await runContainer(rig.now, await pod(), { logPath: 'app/0.log' });
    expect(await reopen(metadata.id)).toEqual({});
    expect(reopened()).toBe(1);
    expect(rig.now.stdio.opened.get(metadata.id)?.logPath).toBe('/var/log/pods/web/app/0.log');
  });

  it('has nothing to do for a container without a log', async () => {
    const { metadata } = await runContainer(rig.now, await pod());
    expect(await reopen(metadata.id)).toEqual({});
    expect(reopened()).toBe(0);
  });

  it('fails when the new file cannot be opened', async () => {
    const { metadata } = await runContainer(rig.now, await pod(), { logPath: '0.log' });
    rig.now.faults.fail('reopen', { error: new Error('no space') });
    await expect(reopen(metadata.id)).rejects.toThrow('no space');
  });

  it('refuses a container that does not run yet, or any more, and one that is not there', async () => {
    const podSandboxId = await pod();
    const created = await makeContainer(rig.now, podSandboxId, { logPath: '0.log' });
    await expect(reopen(created.metadata.id)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    const { metadata } = await runContainer(rig.now, podSandboxId, { metadata: { name: 'b' }, logPath: '1.log' });
    rig.now.fake.process(metadata.id).exit(0);
    await ended(rig.now, metadata.id);
    await expect(reopen(metadata.id)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(reopen('absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(reopen('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});
