import { Present } from '../../soak/present';

const READY = 0;

describe('What must be in a list', () => {
  it('is what had to be told from the question to the answer', () => {
    const present = new Present();
    for (const id of ['stays', 'ends']) present.podReady(id, '');
    present.containerRuns('c');
    const asked = present.now();
    present.podEnds('ends');
    present.podReady('comes', '');
    expect(present.still(asked)).toEqual({ ready: new Set(['stays']), running: new Set(['c']) });
  });

  it('is there once, in its state, and not after its removal', () => {
    const present = new Present();
    present.removed('gone', 10);
    present.removed('going', 30);
    const list = [
      { id: 'right', state: READY },
      { id: 'stopped', state: 1 },
      { id: 'right', state: READY },
      { id: 'gone', state: 1 },
      { id: 'going', state: 1 },
    ];
    expect(present.wrongIn(list, new Set(['right', 'stopped', 'absent']), READY, 20)).toEqual([
      'stopped is in state 1',
      'absent is missing',
      '1 ids stand there twice',
      'gone is there after its removal',
    ]);
  });
});

describe('An address', () => {
  it('has one pod at a time', () => {
    const present = new Present();
    expect(present.podReady('a', '10.0.0.2')).toBeUndefined();
    expect(present.podReady('b', '10.0.0.2')).toBe('a');
    present.podEnds('b');
    expect(present.podReady('c', '10.0.0.2')).toBeUndefined();
    expect([present.podReady('host-1', ''), present.podReady('host-2', '')]).toEqual([undefined, undefined]);
  });
});
