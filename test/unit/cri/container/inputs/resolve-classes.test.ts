import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Spec } from '../../../../../src/model/spec';
import { Code } from '../../../../../src/rpc/code';
import { makeContainer, runPod } from '../../../../support/story-pods';
import { StoryRig } from '../../../../support/story-rig';
import { removeAll } from '../../../../support/use-rig';

const dir = mkdtempSync(join(tmpdir(), 'classes-'));
const blockio = join(dir, 'blockio.yaml');
const rdt = join(dir, 'rdt.yaml');
writeFileSync(blockio, 'Classes: {Slow: [{Weight: 50}]}');
writeFileSync(rdt, 'partitions: {a: {classes: {Gold: {}, Owned: {kubernetes: {denyPodAnnotation: true}}}}}');
afterAll(() => rmSync(dir, { recursive: true }));

const BLOCKIO = 'blockio.resources.beta.kubernetes.io/pod';
const RDT = 'rdt.resources.beta.kubernetes.io/pod';
const FILES = `blockio_config_file = "${blockio}"\nrdt_config_file = "${rdt}"`;

/** Makes a container in a pod with these annotations; its spec, and afterwards nothing is left. */
async function specWith(
  settings: string,
  pod: Record<string, string>,
  own: Record<string, string> = {},
): Promise<Spec> {
  const rig = await StoryRig.start({ config: `[containerd]\n${settings}` });
  try {
    const id = await runPod(rig, { annotations: pod });
    const { metadata } = await makeContainer(rig, id, { annotations: own });
    return JSON.parse(rig.fake.state.containers.get(metadata.id)?.spec?.value.toString() ?? '') as Spec;
  } finally {
    await removeAll(rig);
    expect(await rig.leftovers()).toEqual({});
    await rig.close();
  }
}

describe('resource classes', () => {
  it('are in the spec of a container whose pod asks for them', async () => {
    const { linux } = await specWith(FILES, { [BLOCKIO]: 'Slow', [RDT]: 'Gold' });
    expect(linux?.resources?.blockIO).toEqual({ weight: 50 });
    expect(linux?.intelRdt).toEqual({ closID: 'Gold' });
  });

  it('are not in the spec of one that nobody asks for', async () => {
    const { linux } = await specWith(FILES, {});
    expect([linux?.resources?.blockIO, linux?.intelRdt]).toEqual([undefined, undefined]);
  });

  it('are ignored where there are none, if so set', async () => {
    const ignoring = 'ignore_blockio_not_enabled_errors = true\nignore_rdt_not_enabled_errors = true';
    const { linux } = await specWith(ignoring, { [BLOCKIO]: 'Slow', [RDT]: 'Gold' });
    expect([linux?.resources?.blockIO, linux?.intelRdt]).toEqual([undefined, undefined]);
  });

  it.each([
    [
      '',
      BLOCKIO,
      'Slow',
      Code.FAILED_PRECONDITION,
      'containerd.blockio_config_file is not set, so there is no class "Slow"',
    ],
    ['', RDT, 'Gold', Code.FAILED_PRECONDITION, 'containerd.rdt_config_file is not set, so there is no class "Gold"'],
    [FILES, BLOCKIO, 'Fast', Code.INVALID_ARGUMENT, 'there is no class "Fast"'],
    [FILES, RDT, 'Tin', Code.INVALID_ARGUMENT, 'there is no class "Tin"'],
    [FILES, RDT, 'Owned', Code.INVALID_ARGUMENT, 'the class "Owned" is not given by such an annotation'],
    ['rdt_config_file = "/nowhere.yaml"', RDT, 'Gold', Code.FAILED_PRECONDITION, '/nowhere.yaml cannot be used'],
  ])('with %j refuse %s: %s', async (settings, annotation, name, code, problem) => {
    await expect(specWith(settings, { [annotation]: name })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`annotations["${annotation}"]: ${problem}`),
    });
  });

  it('are given to a container that asks itself where its pod may not', async () => {
    const { linux } = await specWith(FILES, {}, { 'io.kubernetes.cri.rdt-class': 'Owned' });
    expect(linux?.intelRdt).toEqual({ closID: 'Owned' });
  });
});
