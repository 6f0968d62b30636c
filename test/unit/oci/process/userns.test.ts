import { NamespaceMode, UserNamespace } from '../../../../generated/cri/v1/api';
import { containerUserns, usernsMappings } from '../../../../src/oci/process/userns';
import { thrownBy } from '../fixtures';

const { POD, CONTAINER, NODE, TARGET } = NamespaceMode;
const FIELD = 'config.linux.security_context.namespace_options.userns_options';
const line = { containerId: 0, hostId: 100_000, length: 65_536 };
const userns = (mode: NamespaceMode, uids = [line], gids = [line]) => UserNamespace.fromPartial({ mode, uids, gids });
const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

describe('usernsMappings', () => {
  it('has the one line of each', () => {
    expect(usernsMappings(userns(POD))).toEqual({ uids: mapping, gids: mapping });
  });

  it('is nothing on the namespace of the node', () => {
    expect(usernsMappings(undefined)).toBeUndefined();
    expect(usernsMappings(userns(NODE, [], []))).toBeUndefined();
  });

  it.each([
    ['CONTAINER', userns(CONTAINER), 'mode'],
    ['TARGET', userns(TARGET), 'mode'],
    ['an unknown mode', userns(9 as NamespaceMode), 'mode'],
    ['no users', userns(POD, []), 'uids'],
    ['no groups', userns(POD, [line], []), 'gids'],
    ['two lines', userns(POD, [line, { ...line, containerId: 65_536 }]), 'uids'],
    ['an empty line', userns(POD, [{ ...line, length: 0 }]), 'uids[0].length'],
    ['a line without root', userns(POD, [{ ...line, containerId: 1 }]), 'uids[0].container_id'],
    ['a line beyond the last id', userns(POD, [line], [{ ...line, hostId: 4_294_967_295 }]), 'gids[0]'],
    ['mappings on the node', userns(NODE), 'uids'],
    ['group mappings on the node', userns(NODE, []), 'gids'],
  ])('refuses %s', (_, options, field) => {
    expect(thrownBy(() => usernsMappings(options))).toMatchObject({ field: `${FIELD}.${field}` });
  });
});

describe('containerUserns', () => {
  it('is that of the pod', () => {
    expect(containerUserns(userns(POD), userns(POD))).toEqual({ uids: mapping, gids: mapping });
    expect(containerUserns(undefined, userns(NODE, [], []))).toBeUndefined();
  });

  it.each([
    [userns(POD), undefined],
    [undefined, userns(POD)],
    [userns(POD), userns(POD, [{ ...line, hostId: 5 }])],
  ])('refuses one that differs', (pod, container) => {
    expect(thrownBy(() => containerUserns(pod, container))).toMatchObject({ field: FIELD });
  });
});
