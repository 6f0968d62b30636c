import { ShimGroups } from '../../../src/shims/shim-groups';

const two = { name: 'runc', podsPerShim: 2 };
const never = new AbortController().signal;
const nothing = async (): Promise<void> => undefined;

async function placed(shims: ShimGroups, id: string, handler = two): Promise<string> {
  const group = await shims.enter(id, handler, never);
  shims.settle(id);
  return group;
}

/** Whether a promise is still pending once everything that could run has run. */
async function waits(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise<true>((resolve) => setImmediate(() => resolve(true)));
  return Promise.race([promise.then(() => false), later]);
}

describe('shims of several pods', () => {
  it('are filled in the order in which pods come, each handler’s its own', async () => {
    const shims = new ShimGroups();
    expect(await placed(shims, 'a')).toBe('a');
    expect(await placed(shims, 'b')).toBe('a');
    expect(await placed(shims, 'c')).toBe('c');
    expect(await placed(shims, 'd', { name: 'crun', podsPerShim: 2 })).toBe('d');
    expect(await placed(shims, 'e')).toBe('c');
    expect(shims.size).toBe(5);
  });

  it('are not kept for handlers that give each pod its own', async () => {
    const shims = new ShimGroups();
    expect(await placed(shims, 'a', { name: 'runc', podsPerShim: 1 })).toBe('a');
    shims.restore('b', 'b', { name: 'runc', podsPerShim: 1 });
    expect(shims.size).toBe(0);
  });

  it('have room again when a pod leaves, the first one too', async () => {
    const shims = new ShimGroups();
    await placed(shims, 'a');
    await placed(shims, 'b');
    await shims.leave('a', nothing, never);
    expect(await placed(shims, 'c')).toBe('a');
    await shims.leave('b', nothing, never);
    await shims.leave('c', nothing, never);
    expect(shims.size).toBe(0);
    expect(await placed(shims, 'd')).toBe('d');
  });

  it('are not left while a pod is being started in them', async () => {
    const shims = new ShimGroups();
    await placed(shims, 'a');
    await shims.enter('b', two, never);
    const leaving = shims.leave('a', nothing, never);
    expect(await waits(leaving)).toBe(true);
    shims.settle('b');
    await leaving;
    expect(shims.size).toBe(1);
  });

  it('are not entered while their last pod leaves: the shim ends with it', async () => {
    const shims = new ShimGroups();
    await placed(shims, 'a');
    let ended: () => void = () => undefined;
    const leaving = shims.leave('a', () => new Promise<void>((resolve) => (ended = resolve)), never);
    const entering = placed(shims, 'b');
    expect(await waits(entering)).toBe(true);
    ended();
    await leaving;
    expect(await entering).toBe('b');
  });

  it('still have a pod whose last task could not be deleted, and forget one whose start was undone', async () => {
    const shims = new ShimGroups();
    await placed(shims, 'a');
    await expect(shims.leave('a', () => Promise.reject(new Error('no')), never)).rejects.toThrow('no');
    expect(shims.size).toBe(1);
    await shims.enter('b', two, never);
    shims.forget('b');
    await shims.leave('a', nothing, never);
    expect(shims.size).toBe(0);
  });

  it('are found again, also when the setting has changed to one pod each', async () => {
    const shims = new ShimGroups();
    const one = { name: 'runc', podsPerShim: 1 };
    shims.restore('a', 'a', one);
    shims.restore('b', 'a', one);
    expect(shims.size).toBe(1);
    const again = new ShimGroups();
    again.restore('a', 'a', two);
    expect(await placed(again, 'c')).toBe('a');
  });
});
