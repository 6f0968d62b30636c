import { Signal } from '../../../../generated/cri/v1/api';
import { criSignal, parseSignal, signalName, stopSignal } from '../../../../src/oci/process/signal';

describe('parseSignal', () => {
  it.each([
    ['SIGTERM', 15],
    ['TERM', 15],
    ['term', 15],
    ['sigKill', 9],
    ['9', 9],
    ['64', 64],
    ['SIGRTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMIN+15', 49],
    ['SIGRTMAX-14', 50],
    ['SIGRTMAX', 64],
    ['', undefined],
    ['0', undefined],
    ['65', undefined],
    ['-9', undefined],
    ['SIGNOPE', undefined],
    ['SIGRTMIN-1', undefined],
    ['SIGRTMAX+1', undefined],
    ['SIGRTMIN+31', undefined],
    ['constructor', undefined],
  ])('reads %j as %s', (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  it('knows every signal of CRI', () => {
    for (const signal of Object.values(Signal)) {
      if (typeof signal !== 'number' || signal === Signal.RUNTIME_DEFAULT) continue;
      expect(parseSignal(signalName(signal))).toBeGreaterThan(0);
      expect(criSignal(signalName(signal))).toBe(signal);
    }
  });
});

describe('criSignal', () => {
  it.each([
    ['15', Signal.SIGTERM],
    ['quit', Signal.SIGQUIT],
    ['RTMIN+3', Signal.SIGRTMINPLUS3],
    ['37', Signal.SIGRTMINPLUS3],
    ['SIGNOPE', Signal.RUNTIME_DEFAULT],
  ])('of %j is %d', (text, signal) => {
    expect(criSignal(text)).toBe(signal);
  });
});

describe('stopSignal', () => {
  it.each([
    [Signal.SIGUSR1, 'SIGQUIT', 'SIGUSR1'],
    [Signal.RUNTIME_DEFAULT, 'SIGQUIT', 'SIGQUIT'],
    [Signal.RUNTIME_DEFAULT, '', 'SIGTERM'],
    [Signal.SIGRTMINPLUS3, '', 'SIGRTMIN+3'],
  ])('of request %d and image %j is %j', (asked, image, expected) => {
    expect(stopSignal(asked, image)).toBe(expected);
  });
});
