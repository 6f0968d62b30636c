import { NamespaceMode } from '../../generated/cri/v1/api';
import { until } from '../support/daemon/process';
import { type Crictl, type CrictlNode, describeWithCrictl, useCrictl } from '../support/node/crictl';
import { runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
const TIMES = 20;
const BUSY = 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; usleep 10000; done';
const OWN_PIDS = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } };

/** The rows of a table without its heading; crictl clears the screen in front of it. */
function rowsOf(stdout: Buffer): string[][] {
  const [, ...rows] = stdout.toString().trimEnd().split('\n');
  return rows.map((row) => row.trim().split(/ {2,}/));
}

describeWithCrictl('crictl, which computes rates from two answers', () => {
  let crictl: Crictl;
  let ids: string[];
  let names: string[];

  useCrictl(async ({ node, crictl: client }: CrictlNode) => {
    crictl = client;
    const pods = [
      await runPod(node, { linux: { cgroupParent: '/crisp-crictl-stats' } }),
      await runPod(node),
      await runPod(node, { linux: OWN_PIDS }),
    ];
    names = pods.map(({ config }) => config.metadata?.name ?? '');
    ids = [];
    for (const pod of pods) ids.push(await runContainer(node, pod, shell('busy', BUSY)));
  });

  /** Asks again and again with no time, or next to none, between the two answers. */
  async function eachTime(command: string, seconds: string, holds: (rows: string[][]) => void): Promise<void> {
    for (let time = 0; time < TIMES; time++) {
      const { code, stdout, stderr } = await crictl.run([command, '--seconds', seconds]);
      expect({ code, stderr: stderr.trim() }).toEqual({ code: 0, stderr: '' });
      holds(rowsOf(stdout));
    }
  }

  /** Over so short a time a rate says little, but a counter or a clock that went back would show: as 10^15, or below 0. */
  const isRate = (text: string | undefined): boolean => Number(text) >= 0 && Number(text) < 100_000;

  it(
    'shows every container in its table every time',
    async () => {
      const shown = ids.map((id) => id.slice(0, 13)).sort();
      await eachTime('stats', '0', (rows) => {
        expect(rows.map(([id]) => id).sort()).toEqual(shown);
        expect(rows.filter(([, , cpu]) => !isRate(cpu))).toEqual([]);
      });
    },
    120 * SECOND,
  );

  it(
    'shows every pod in its table every time, also those without a cgroup of their own',
    async () => {
      await eachTime('statsp', '0', (rows) => {
        expect(rows.map(([name]) => name).sort()).toEqual([...names].sort());
        expect(rows.filter(([, , cpu]) => !isRate(cpu))).toEqual([]);
      });
    },
    120 * SECOND,
  );

  it(
    'shows what a container takes over a second',
    async () => {
      const { stdout } = await crictl.run(['stats', '--seconds', '1', ids[0] ?? '']);
      const [row] = rowsOf(stdout);
      expect(Number(row?.[2])).toBeGreaterThan(1);
      expect(Number(row?.[2])).toBeLessThan(150); // one shell cannot take more than one processor
    },
    30 * SECOND,
  );

  it(
    'goes on for as long as it is watched',
    async () => {
      const watching = crictl.start('stats', '--watch');
      const tables = (): number => watching.stdout().toString().split('CONTAINER').length - 1;
      const hasEnded = (): boolean => watching.child.exitCode !== null;
      await until('three tables are shown', 30 * SECOND, async () => tables() >= 3 || hasEnded());
      expect({ ended: hasEnded(), stderr: watching.stderr().trim() }).toEqual({ ended: false, stderr: '' });
    },
    60 * SECOND,
  );
});
