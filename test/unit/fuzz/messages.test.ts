import { isHarmless } from '../../fuzz/messages/harmless';
import { Messages, RPCS } from '../../fuzz/messages/messages';
import { World } from '../../fuzz/messages/world';
import type { TestNode } from '../../support/node/node';
import { Seeded } from '../../support/seeded';

const DIR = '/tmp/node';

function messages(seed: number): Messages {
  const world = new World({ dir: DIR } as TestNode, new Seeded(seed));
  world.pods = ['a'.repeat(64)];
  world.containers = ['b'.repeat(64)];
  return new Messages(world, new Seeded(seed + 1));
}

describe('Random messages', () => {
  it('are of every RPC, and of both kinds: those that can be read and those that cannot', () => {
    const source = messages(7);
    const all = Array.from({ length: 3000 }, () => source.next());
    const readable = all.filter(({ rpc, bytes }) => {
      try {
        rpc.codec.decode(bytes);
        return true;
      } catch {
        return false;
      }
    });
    const seen = new Set(all.map(({ rpc }) => rpc.name));
    expect(RPCS.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
    expect(readable.length).toBeGreaterThan(all.length / 2);
    expect(readable.length).toBeLessThan(all.length);
  });

  it('are the same for the same seed', () => {
    const [one, other] = [messages(3), messages(3)];
    for (let i = 0; i < 200; i++) expect(one.next()).toEqual(other.next());
  });
});

describe('Messages that would not leave the machine alone', () => {
  it.each<[string, string, object]>([
    ['mounts a path of the host', 'CreateContainer', { config: { mounts: [{ hostPath: '/etc' }] } }],
    ['leaves the folder', 'CreateContainer', { config: { mounts: [{ hostPath: `${DIR}/fuzz/../../etc` }] } }],
    ['logs elsewhere', 'RunPodSandbox', { config: { logDirectory: '/var/log/pods' } }],
    ['takes a port of the host', 'RunPodSandbox', { config: { portMappings: [{ hostPort: 22 }] } }],
    ['makes a cgroup', 'RunPodSandbox', { config: { linux: { cgroupParent: '/other' } } }],
    ['pulls from elsewhere', 'PullImage', { image: { image: 'docker.io/library/busybox' } }],
    ['runs what chance has made', 'ExecSync', { cmd: ['rm', '-rf', '/'] }],
    ['runs it in a container', 'CreateContainer', { config: { command: ['sh'], args: ['-c', 'reboot'] } }],
  ])('are found out: one that %s', (_what, method, request) => expect(isHarmless(method, request, DIR)).toBe(false));

  it.each<[string, object]>([
    ['RunPodSandbox', { config: { logDirectory: `${DIR}/fuzz/a`, portMappings: [{ hostPort: 40_001 }] } }],
    ['CreateContainer', { config: { mounts: [{ hostPath: 'relative' }], command: ['true'] } }],
    ['PullImage', { image: { image: 'registry.k8s.io/pause:3.10' } }],
    ['ExecSync', { cmd: ['true'] }],
  ])('are not those that name what is there to be named: %s', (method, request) => {
    expect(isHarmless(method, request, DIR)).toBe(true);
  });
});
