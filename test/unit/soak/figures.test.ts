import { ContainerStats } from '../../../generated/cri/v1/api';
import { Figures, wrongInImages } from '../../support/node/figures';

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** What is told of a container that has used so much processor time. */
const told = (nanoseconds: bigint, timestamp = now()): ContainerStats =>
  ContainerStats.fromPartial({
    attributes: { id: 'a' },
    cpu: { timestamp, usageCoreNanoSeconds: { value: nanoseconds } },
  });

describe('The figures of a container', () => {
  it('may grow with time', () => {
    const figures = new Figures();
    expect([figures.wrongIn(told(1000n)), figures.wrongIn(told(2000n))]).toEqual([[], []]);
  });

  it('are wrong when processor time shrinks, or is more than there was', () => {
    const figures = new Figures();
    figures.wrongIn(told(2000n));
    expect(figures.wrongIn(told(1000n))).toEqual(['a: 1000 ns of processor time after 2000']);
    expect(figures.wrongIn(told(1n << 60n))).toEqual([expect.stringMatching(/ns of processor time within/)]);
  });

  it('are wrong when they are of another time', () => {
    for (const at of [1n, now() * 2n]) expect(new Figures().wrongIn(told(1n, at))).toEqual([`a: measured at ${at}`]);
  });

  it('are forgotten with the container', () => {
    const figures = new Figures();
    figures.wrongIn(told(2000n));
    figures.keepOnly(new Set());
    expect(figures.wrongIn(told(1000n))).toEqual([]);
  });
});

describe('The figures of images', () => {
  it('name a filesystem and a time that has been', () => {
    const fsId = { mountpoint: '/x' };
    expect(wrongInImages([{ timestamp: now(), fsId }])).toEqual([]);
    expect(wrongInImages([])).toEqual(['ImageFsInfo names no filesystem']);
    expect(wrongInImages([{ timestamp: 0n, fsId }])).toEqual(['ImageFsInfo was measured at 0']);
  });
});
