import { Container } from '../../../generated/containerd/services/containers/v1/containers';
import * as api from '../../../generated/cri/v1/api';
import { jsonFields } from '../../../generated/cri/v1/json-fields';

interface Codec {
  decode(bytes: Uint8Array): Record<string, object>;
  fromPartial(value: object): Record<string, object>;
}

const codecs = api as unknown as Record<string, Codec>;
const maps = Object.entries(jsonFields).flatMap(([message, fields]) =>
  fields.flatMap(({ key, type }): [string, string][] =>
    typeof type === 'object' && 'map' in type ? [[message, key]] : [],
  ),
);

describe('A map of a decoded message', () => {
  it.each(maps)('has no prototype: %s.%s', (message, key) => {
    const codec = codecs[message];
    expect(Object.getPrototypeOf(codec?.decode(new Uint8Array())[key])).toBeNull();
    expect(Object.getPrototypeOf(codec?.fromPartial({})[key])).toBeNull();
    expect(Object.getPrototypeOf(codec?.fromPartial({ [key]: { a: 'b' } })[key])).toBeNull();
  });

  it('has no prototype in what containerd sends either', () => {
    const labels = JSON.parse('{"__proto__":"a","constructor":"b"}');
    const decoded = Container.decode(Container.encode(Container.fromPartial({ labels })).finish()).labels;
    expect(Object.entries(decoded)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
