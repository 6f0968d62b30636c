import {
  DEFAULT_APPARMOR_PROFILE,
  defaultProfile,
  ensureDefaultAppArmorProfile,
  isAppArmorProfileLoaded,
  parseProfiles,
} from '../../../../src/host/security/apparmor';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const PROFILES = 'sys/kernel/security/apparmor/profiles';

it('parseProfiles reads names, also with spaces and parentheses', () => {
  expect(parseProfiles('a (enforce)\n/usr/bin/x (complain)\nb (c) d (unconfined)\n\n')).toEqual(
    new Set(['a', '/usr/bin/x', 'b (c) d']),
  );
});

it('isAppArmorProfileLoaded wants the exact name', async () => {
  root.add({ [PROFILES]: 'k8s-web (enforce)\n' });
  expect(await isAppArmorProfileLoaded('k8s-web', root.path)).toBe(true);
  for (const name of ['k8s', 'k8s-web (enforce)', 'x\nk8s-web', ''])
    expect(await isAppArmorProfileLoaded(name, root.path)).toBe(false);
});

it('is honest about a host without AppArmor', async () => {
  await expect(isAppArmorProfileLoaded('x', root.path)).rejects.toThrow('AppArmor is not enabled on this host');
  await expect(ensureDefaultAppArmorProfile(root.path)).rejects.toThrow('AppArmor is not enabled on this host');
});

it('does not load the default profile twice', async () => {
  root.add({ [PROFILES]: `${DEFAULT_APPARMOR_PROFILE} (enforce)\n` });
  await ensureDefaultAppArmorProfile(root.path);
});

it('defaultProfile uses what the host has, and takes no foreign text for a peer', () => {
  const full = defaultProfile({ tunables: true, base: true, signalPeer: '/usr/bin/crisp' });
  expect(full).toContain('#include <tunables/global>\n');
  expect(full).toContain('#include <abstractions/base>\n');
  expect(full).toContain('signal (receive) peer=/usr/bin/crisp,\n');
  const bare = defaultProfile({ tunables: false, base: false, signalPeer: 'x,\nfile' });
  expect(bare).not.toContain('include');
  expect(bare).toContain('@{PROC}=/proc/\n');
  expect(bare.match(/signal \(receive\)/g)).toHaveLength(3);
});
