import { ContainerState, ContainerStatus } from '../../../generated/cri/v1/api';
import { timesBackwards, wrongEnd } from '../../soak/status-look';

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;
const NOW = 1_000_000_000n;

const status = (state: ContainerState, createdAt: bigint, startedAt = 0n, finishedAt = 0n) => ({
  ...{ state, createdAt, startedAt, finishedAt },
});

describe('The times of a container', () => {
  it('go on from status to status', () => {
    const statuses = [
      status(CONTAINER_CREATED, 10n),
      status(CONTAINER_RUNNING, 10n, 20n),
      status(CONTAINER_EXITED, 10n, 20n, 30n),
    ];
    for (const [i, each] of statuses.entries()) expect(timesBackwards(each, statuses[i - 1], NOW)).toEqual([]);
  });

  it.each([
    ['no creation', status(CONTAINER_CREATED, 0n), undefined, ['it has no time of creation']],
    ['a start before it', status(CONTAINER_RUNNING, 20n, 15n), undefined, ['started 5 ns before its creation']],
    ['an end before its start', status(CONTAINER_EXITED, 1n, 20n, 15n), undefined, ['finished 5 ns before its start']],
    ['a start to come', status(CONTAINER_RUNNING, 1n, NOW * 2n), undefined, [`startedAt is ${NOW} ns from now`]],
    [
      'a life after its end',
      status(CONTAINER_RUNNING, 1n, 2n),
      status(CONTAINER_EXITED, 1n, 2n, 3n),
      ['CONTAINER_RUNNING after CONTAINER_EXITED', 'finishedAt was 3, is 0'],
    ],
    ['another start', status(CONTAINER_RUNNING, 1n, 3n), status(CONTAINER_RUNNING, 1n, 2n), ['startedAt was 2, is 3']],
  ])('are wrong with %s', (_, now, before, problems) => expect(timesBackwards(now, before, NOW)).toEqual(problems));
});

describe('The end of a container', () => {
  const told = ContainerStatus.fromPartial({ state: CONTAINER_EXITED, exitCode: 137, reason: 'Error', message: 'm' });

  it('is right with its code and its reason', () => {
    expect(wrongEnd(told, { code: 137, reason: 'Error' })).toBeUndefined();
  });

  it('is wrong with another code, another reason, or when it has not come', () => {
    expect(wrongEnd(told, { code: 1, reason: 'Error' })).toMatch(/instead of 1 \(Error\)$/);
    expect(wrongEnd(told, { code: 137, reason: 'OOMKilled' })).toMatch(/^CONTAINER_EXITED with 137 \(Error m\)/);
    expect(wrongEnd({ ...told, state: CONTAINER_RUNNING }, { code: 137, reason: 'Error' })).toMatch(/RUNNING/);
  });
});
