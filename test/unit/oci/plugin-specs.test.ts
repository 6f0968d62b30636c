import { readFileSync } from 'node:fs';
import { type Meant, unmeant } from '../../support/record/view';
import { type Changes, expanded } from '../../support/specs/canonical';
import { fixture } from '../../support/specs/files';
import { recordedFile } from '../../support/specs/handlers';
import type { RecordedHost } from '../../support/specs/host';
import type { Release } from '../../support/specs/make-specs';
import { specsOfCrisp } from '../../support/specs/replay';

/** What test/tools/record-specs.sh has written. */
interface Recorded {
  readonly host: RecordedHost;
  readonly specs: Readonly<Record<string, Changes>>;
}

/** crisp's specs differ from those of every release in these, on purpose. */
const MEANT: readonly Meant[] = [];

/** From those of 1.6 besides. */
const MEANT_ON_1_6: readonly Meant[] = [...MEANT];

/** From those of 2.x besides. */
const MEANT_ON_2: readonly Meant[] = [...MEANT];

const meant: Readonly<Record<Release, readonly Meant[]>> = { '1.6': MEANT_ON_1_6, '2': MEANT_ON_2 };

describe.each(['1.6', '2'] as const)('the specs that the plugin of containerd %s makes', (release) => {
  it('are those of crisp, but for what differs on purpose', async () => {
    const { host, specs } = JSON.parse(readFileSync(fixture(recordedFile(release)), 'utf8')) as Recorded;
    const ours = await specsOfCrisp(release, host);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(specs).sort());
    expect(unmeant(expanded(specs), ours, meant[release])).toEqual([]);
  });
});
