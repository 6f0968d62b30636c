import { batches } from '../../../src/cri/batches';
import { collect } from '../rpc/rpc-rig';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const sizes = async (count: number): Promise<number[]> =>
  (await collect(batches(numbers(count), (batch) => batch))).map(({ length }) => length);

describe('batches', () => {
  it('have at most 500 items and at least one', async () => {
    expect(await sizes(0)).toEqual([]);
    expect(await sizes(1)).toEqual([1]);
    expect(await sizes(500)).toEqual([500]);
    expect(await sizes(1201)).toEqual([500, 500, 201]);
  });

  it('have each item once, in order', async () => {
    expect((await collect(batches(numbers(1201), (batch) => batch))).flat()).toEqual(numbers(1201));
  });
});
