import { ImageBench, NOTHING } from '../../support/image-bench';
import {
  hostsOf,
  MIRRORED,
  MIRRORED_DOMAIN,
  ODD_ARTIFACTS,
  ODD_DOMAIN,
  type OddArtifact,
  type OddSite,
  startOddSite,
} from '../../support/odd-artifacts';

let bench: ImageBench;
let site: OddSite & { stop(): Promise<void> };

beforeEach(async () => {
  bench = await ImageBench.start();
  site = await startOddSite();
  for (const [domain, text] of Object.entries(hostsOf(site))) bench.hosts(domain, text);
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await Promise.all([bench.stop(), site.stop()]);
});

/** The ways in which an artifact comes to a node. Each answers the id of the image. */
const WAYS: readonly [string, (reference: string) => Promise<string>][] = [
  ['crisp’s own puller', async (reference) => (await bench.pull(reference)).id],
];

const rows: [string, OddArtifact][] = [
  ...ODD_ARTIFACTS.map((each): [string, OddArtifact] => [`${ODD_DOMAIN}/${each.repository}:1`, each]),
  ...MIRRORED.map((each): [string, OddArtifact] => [`${MIRRORED_DOMAIN}/${each.repository}:1`, each]),
];

describe.each(WAYS)('An odd artifact that comes by %s', (_way, enter) => {
  it.each(rows)('%s', async (reference, { becomes }) => {
    if (typeof becomes === 'string') {
      expect(await enter(reference)).toBe(becomes);
    } else {
      await expect(enter(reference)).rejects.toThrow(becomes);
      expect(bench.left).toEqual(NOTHING);
    }
  });
});
