import { CgroupDriver } from '../../../../generated/cri/v1/api';
import { runtimeConfig } from '../../../../src/cri/runtime/runtime-config';
import { updateRuntimeConfig } from '../../../../src/cri/runtime/update-runtime-config';
import { version } from '../../../../src/cri/runtime/version';
import { StoryRig } from '../../../support/story-rig';
import { useRig } from '../../../support/use-rig';

/** A rig with more configuration for one question. */
async function withConfig<T>(config: string, ask: (rig: StoryRig) => Promise<T>): Promise<T> {
  const rig = await StoryRig.start({ config });
  try {
    return await ask(rig);
  } finally {
    await rig.close();
  }
}

describe('Version', () => {
  const rig = useRig();

  it('answers as containerd does, with our version behind that of containerd', async () => {
    expect(await version(rig.now.deps)).toEqual({
      version: '0.1.0',
      runtimeName: 'containerd',
      runtimeVersion: '2.4.2+crisp.0.0.0-test',
      runtimeApiVersion: 'v1',
    });
  });

  it('has the name that is configured', async () => {
    const named = await withConfig('runtime_name = "crisp"', ({ deps }) => version(deps));
    expect(named.runtimeName).toBe('crisp');
  });
});

describe('RuntimeConfig', () => {
  const runtime = (name: string, type: string, systemd?: boolean): string =>
    `[containerd.runtimes.${name}]\nruntime_type = "${type}"\n${systemd === undefined ? '' : `options = { SystemdCgroup = ${systemd} }\n`}`;
  const RUNC = 'io.containerd.runc.v2';
  const other = (name: string): string => `[containerd]\ndefault_runtime_name = "${name}"\n`;

  it.each([
    ['what the default handler says', runtime('runc', RUNC, true), CgroupDriver.SYSTEMD],
    ['cgroupfs, as runc has it, when it says nothing', '', CgroupDriver.CGROUPFS],
    [
      'what the first runc handler by name says when the default one is none',
      other('kata') + runtime('kata', 'io.containerd.kata.v2') + runtime('a', RUNC, true),
      CgroupDriver.SYSTEMD,
    ],
    [
      'what the default one says, whatever others do',
      runtime('a', RUNC, true) + runtime('runc', RUNC, false),
      CgroupDriver.CGROUPFS,
    ],
  ])('is %s', async (_what, config, expected) => {
    const answer = await withConfig(config, ({ deps }) => runtimeConfig(deps));
    expect(answer.linux?.cgroupDriver).toBe(expected);
  });
});

describe('UpdateRuntimeConfig', () => {
  const update = (rig: StoryRig, podCidr?: string) =>
    updateRuntimeConfig(rig.deps, {
      runtimeConfig: podCidr === undefined ? undefined : { networkConfig: { podCidr } },
    });
  const TEMPLATE = '[cni]\nconf_template = "/etc/cni/template"';
  const written = async (config: string, ready: boolean, podCidr?: string): Promise<unknown> =>
    withConfig(config, async (rig) => {
      rig.networks.answer = { ...rig.networks.answer, ready };
      expect(await update(rig, podCidr)).toEqual({});
      return rig.networks.templates;
    });

  it('writes a network from the template while there is none', async () => {
    expect(await written(TEMPLATE, false, '10.1.0.0/24,fd00::/64')).toEqual([
      { template: '/etc/cni/template', podCidrs: ['10.1.0.0/24', 'fd00::/64'] },
    ]);
  });

  it.each([
    ['there is a network', TEMPLATE, true, '10.1.0.0/24'],
    ['there is no template', '', false, '10.1.0.0/24'],
    ['no range is told', TEMPLATE, false, ''],
    ['nothing is told', TEMPLATE, false, undefined],
  ])('writes nothing when %s', async (_when, config, ready, podCidr) => {
    expect(await written(config, ready, podCidr)).toEqual([]);
  });

  it('fails when the template cannot be used', async () => {
    await withConfig(TEMPLATE, async (rig) => {
      rig.networks.answer = { ...rig.networks.answer, ready: false };
      rig.faults.fail('writeFromTemplate', { error: new Error('no such file') });
      await expect(update(rig, '10.1.0.0/24')).rejects.toThrow('no such file');
    });
  });
});
