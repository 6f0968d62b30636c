import type { CriClient } from '../../src/client/cri-client';

const RELIST_MS = 1000;
const STATUS_EVERY = 5;
const DISK_EVERY = 10;

/** What kubelet asks for again and again of a node that has nothing to do, until `stop` resolves. */
export interface Polling {
  stop(): Promise<void>;
}

/** Every second lists of pods and containers, every five the status, every ten what images take of the disk. */
export function startPolling({ runtime, images }: CriClient): Polling {
  let stopped = false;
  let wake = (): void => undefined;
  const ask = async (round: number): Promise<void> => {
    await runtime.listPodSandbox({ filter: undefined });
    await runtime.listContainers({ filter: undefined });
    if (round % STATUS_EVERY === 0) await runtime.status({ verbose: false });
    if (round % DISK_EVERY === 0) await images.imageFsInfo({});
  };
  const rounds = async (): Promise<void> => {
    for (let round = 0; !stopped; round++) {
      await ask(round);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RELIST_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (stopped) wake();
      });
    }
  };
  const done = rounds();
  // Whoever stops it is told; until then it must not end the program.
  done.catch(() => undefined);
  return {
    stop: () => {
      stopped = true;
      wake();
      return done;
    },
  };
}
