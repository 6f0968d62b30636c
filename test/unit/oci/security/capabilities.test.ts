import { LinuxContainerSecurityContext } from '../../../../generated/cri/v1/api';
import { containerCapabilities, defaultCapabilities } from '../../../../src/oci/security/capabilities';
import { facts, thrownBy } from '../fixtures';

const all = facts.capabilities;

function capabilities(add: string[], drop: string[] = [], ambient: string[] = [], privileged = false) {
  const securityContext = LinuxContainerSecurityContext.fromPartial({
    privileged,
    capabilities: { addCapabilities: add, dropCapabilities: drop, addAmbientCapabilities: ambient },
  });
  return containerCapabilities({ securityContext, facts });
}

const same = (set: readonly string[]) => ({ bounding: set, effective: set, permitted: set });
const without = (name: string) => defaultCapabilities().filter((each) => each !== name);

describe('containerCapabilities', () => {
  it.each([
    ['nothing', [], [], defaultCapabilities()],
    ['one added', ['NET_ADMIN'], [], [...defaultCapabilities(), 'CAP_NET_ADMIN']],
    [
      'any case, with and without CAP_',
      ['net_admin', 'CAP_SYS_TIME'],
      [],
      [...defaultCapabilities(), 'CAP_NET_ADMIN', 'CAP_SYS_TIME'],
    ],
    ['one dropped', [], ['CHOWN'], without('CAP_CHOWN')],
    ['all dropped', [], ['ALL'], []],
    ['all dropped, one added', ['CHOWN'], ['all'], ['CAP_CHOWN']],
    ['all added', ['ALL'], [], all],
    ['all added, one dropped', ['ALL'], ['CHOWN'], all.filter((each) => each !== 'CAP_CHOWN')],
    ['all added and dropped', ['ALL'], ['ALL'], []],
    ['one added and dropped', ['SYS_TIME'], ['SYS_TIME'], defaultCapabilities()],
  ])('with %s', (_, add, drop, expected) => {
    expect(capabilities([...add], [...drop])).toEqual(same(expected));
  });

  it('has no inheritable set, so that no file can raise one', () => {
    expect(capabilities(['ALL']).inheritable).toBeUndefined();
    expect(capabilities([], [], [], true).inheritable).toBeUndefined();
  });

  it('puts an ambient one into all five sets', () => {
    const set = ['CAP_NET_BIND_SERVICE'];
    expect(capabilities([], ['ALL'], ['NET_BIND_SERVICE'])).toEqual({ ...same(set), inheritable: set, ambient: set });
  });

  it('does not raise an ambient one that is dropped', () => {
    expect(capabilities([], ['CHOWN'], ['CHOWN'])).toEqual(same(without('CAP_CHOWN')));
  });

  it('gives a privileged container those of the daemon, no more', () => {
    expect(capabilities(['BPF'], ['CHOWN'], [], true)).toEqual(same(all));
  });

  it.each([[['NET ADMIN']], [['']], [['CAP_']], [['A\nB']], [['ÄDMIN']]])('refuses %j', (add) => {
    expect(thrownBy(() => capabilities(['CHOWN', ...add]))).toMatchObject({
      field: 'config.linux.security_context.capabilities.add_capabilities[1]',
    });
  });
});
