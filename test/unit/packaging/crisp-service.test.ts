import { spawnSync } from 'node:child_process';
import { capabilitiesUpTo } from '../../../src/host/process/proc';
import { quoted, rowsOf, SECURITY_DOC } from '../../support/security-doc';
import { UNIT, unitCapabilities, unitLines, unitValues } from '../../support/unit-file';

const kept = rowsOf('The unit, line by line');
const leftOut = rowsOf('What the unit leaves out');
const service = unitLines('Service');

describe('crisp.service', () => {
  it('has each line of its section [Service] in the table of reasons, and the table has no other', () => {
    expect(kept.flatMap(([lines = '']) => quoted(lines)).sort()).toEqual([...service].sort());
  });

  it('has a reason for each line, and for each that is left out', () => {
    const bare = [...kept.map(([, reason = '']) => reason), ...leftOut.map(([, , reason = '']) => reason)];
    expect(bare.filter((reason) => reason === '')).toEqual([]);
  });

  it('sets nothing that the docs say is left out', () => {
    const names = leftOut.flatMap(([lines = '']) => quoted(lines)).filter((name) => /^\w+=$/.test(name));
    expect(names.length).toBeGreaterThan(15);
    expect(service.filter((line) => names.some((name) => line.startsWith(name)))).toEqual([]);
  });

  /** systemd.exec(5) and `exec_needs_mount_namespace()` of systemd 252: each of these makes a private mount namespace. */
  it.each(
    [
      'PrivateMounts PrivateTmp PrivateDevices PrivateIPC IPCNamespacePath ProtectSystem ProtectHome ProtectProc ProcSubset',
      'ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups MountFlags LogNamespace',
      'ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths BindPaths BindReadOnlyPaths TemporaryFileSystem',
      'RootDirectory RootImage MountImages ExtensionImages ExtensionDirectories DynamicUser PrivateNetwork PrivateUsers',
    ].flatMap((line) => line.split(' ')),
  )('leaves crisp in the mounts of the host: no %s=', (name) => {
    expect(unitValues(name)).toEqual([]);
  });

  it('leaves to crisp capabilities that there are, each once, and a reason for each in the docs', () => {
    const all = unitCapabilities();
    expect(all.filter((name) => !capabilitiesUpTo(40).includes(name))).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
    const explained = rowsOf('Capabilities').flatMap(([names = '']) => quoted(names));
    expect(explained.sort()).toEqual([...all].sort());
  });

  it('writes no core file, which would hold registry passwords', () => expect(unitValues('LimitCORE')).toEqual(['0']));
});

/** Undefined: `systemd-analyze security` can look at a file here. */
function whyNoAnalyze(): string | undefined {
  const { error, status } = spawnSync('systemd-analyze', ['security', '--help']);
  return error || status !== 0 ? 'there is no systemd-analyze here (Debian: package systemd)' : undefined;
}

function analyze(...options: string[]): string {
  const argv = ['security', '--offline=yes', '--no-pager', ...options, UNIT];
  return spawnSync('systemd-analyze', argv, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout;
}

const why = whyNoAnalyze();
if (why !== undefined) console.log(`skipped: what systemd-analyze says of crisp.service: ${why}`);
(why === undefined ? describe : describe.skip)('what systemd-analyze says of crisp.service', () => {
  const documented = Number(/exposure level of crisp\.service is \*\*(\d+\.\d)\*\*/.exec(SECURITY_DOC)?.[1]);

  it('is no worse than the docs say', () => {
    const level = Number(/exposure level for crisp\.service: (\d+\.\d)/.exec(analyze())?.[1]);
    expect(documented).toBeGreaterThan(0);
    expect(level).toBeLessThanOrEqual(documented);
    // Another release of systemd may look at more, or weigh it otherwise.
    if (/^systemd 252 /.test(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout))
      expect(level).toBe(documented);
  });

  it('is exposed by nothing that the docs have no reason for', () => {
    const judged = JSON.parse(analyze('--json=short')) as { name: string; exposure: string | null }[];
    const exposed = judged.filter(({ exposure }) => Number(exposure ?? 0) > 0).map(({ name }) => name);
    // What is set has its reason in the other table.
    const set = service.map((line) => line.slice(0, line.indexOf('=') + 1));
    const reasons = new Set([...set, ...leftOut.flatMap(([lines = '']) => quoted(lines))]);
    expect(exposed.length).toBeGreaterThan(20);
    expect(exposed.filter((name) => !reasons.has(name))).toEqual([]);
  });
});
