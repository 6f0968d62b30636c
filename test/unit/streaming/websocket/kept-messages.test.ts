import { KeptMessages } from '../../../../src/streaming/websocket/kept-messages';

function messages(most: number) {
  const all = new KeptMessages(most);
  const cut: string[] = [];
  const owners = new Map<string, object>();
  const set = (name: string, bytes: number): void => {
    const owner = owners.get(name) ?? {};
    owners.set(name, owner);
    all.set(owner, bytes, () => cut.push(name));
  };
  return { all, cut, set, forget: (name: string) => all.forget(owners.get(name) ?? {}) };
}

describe('Messages that are kept', () => {
  it('may be so many bytes; a byte more, and the largest goes', () => {
    const { all, cut, set } = messages(100);
    set('small', 10);
    set('large', 60);
    set('middle', 30);
    expect([all.bytes, cut]).toEqual([100, []]);
    set('small', 11);
    expect([all.bytes, cut]).toEqual([41, ['large']]);
  });

  it('are given back when they are read or their client leaves', () => {
    const { all, cut, set, forget } = messages(100);
    set('a', 60);
    set('b', 40);
    set('a', 0);
    expect(all.bytes).toBe(40);
    forget('b');
    forget('b');
    expect([all.bytes, cut]).toEqual([0, []]);
  });

  it('of one client that are too many for all are its own end', () => {
    const { all, cut, set } = messages(100);
    set('small', 10);
    set('a', 101);
    expect([all.bytes, cut]).toEqual([10, ['a']]);
  });

  it('may be so many bytes of one owner; a byte more, and the largest of its own goes', () => {
    const all = new KeptMessages(100, 50);
    const cut: string[] = [];
    const [pod, other] = [all.of('pod'), all.of('other')];
    const [a, b, c] = [{}, {}, {}];
    other.set(c, 45, () => cut.push('c'));
    pod.set(a, 30, () => cut.push('a'));
    pod.set(b, 20, () => cut.push('b'));
    expect([all.bytes, cut]).toEqual([95, []]);
    pod.set(b, 21, () => cut.push('b'));
    expect([all.bytes, cut]).toEqual([66, ['a']]);
    pod.forget(b);
    pod.set(b, 50, () => cut.push('b'));
    expect([all.bytes, cut]).toEqual([95, ['a']]);
  });

  it('that are too many of all are cut where an owner has the most, not a client', () => {
    const all = new KeptMessages(100, 70);
    const cut: string[] = [];
    for (const at of [1, 2, 3]) all.of('pod').set({}, 20, () => cut.push(`pod ${at}`));
    all.of('other').set({}, 41, () => cut.push('other'));
    expect([all.bytes, cut]).toEqual([81, ['pod 1']]);
  });
});
