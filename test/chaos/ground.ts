import { setTimeout as pause } from 'node:timers/promises';

import { errorMessage } from '../../src/base/errors';
import type { CriClient } from '../../src/client/cri-client';
import type { Done, Faults } from '../support/counts';
import type { Seeded } from '../support/seeded';
import type { ChaosNode } from './chaos-node';

/** What the lives of pods count. */
export const LIFE_FAULTS = [
  'calls that did not succeed in two minutes',
  'pods half there',
  'wrong exit codes',
  'times that run backwards',
  'exit codes lost while containerd was there',
  'pods with a pause task and no need of it, or the other way round',
  'wrong answers of commands',
  'wrong statistics',
  'log lines lost',
  'log lines torn',
  'log lines out of order',
] as const;

/** How long a call may take. */
export const CALL_MS = 40_000;
const [PATIENCE_MS, RETRY_MS] = [120_000, 250] as const;

/** What a life goes on in. */
export interface Ground {
  readonly chaos: ChaosNode;
  readonly cri: CriClient;
  readonly random: Seeded;
  readonly faults: Faults;
  readonly done: Done;
  /** Whether lives are to come to their end. */
  readonly over: () => boolean;
}

/** A container that a life has started. */
export interface Made {
  readonly id: string;
  readonly name: string;
  /** Exits with this by itself; undefined: it runs until it is stopped. */
  readonly code: number | undefined;
  /** Starts that were not answered. */
  unanswered: number;
}

/** The machine was restarted meanwhile: what was running is not. */
export class Rebooted extends Error {}

/** So often a caller leaves before it is answered, and after so many milliseconds at most. */
const [LEAVES, LEAVES_MS] = [0.3, 150] as const;

/**
 * Makes a call, now and then, whose caller leaves: it is undone or brought to its end, and the same call is made again after
 * it. Fails never.
 */
export async function cutOff(
  { cri, random, done }: Pick<Ground, 'cri' | 'random' | 'done'>,
  act: (cri: CriClient, timeoutMs: number) => Promise<unknown>,
): Promise<void> {
  if (random.next() >= LEAVES) return;
  await act(cri, random.between(1, LEAVES_MS)).catch(() => done.add('calls cut off'));
}

/** Makes calls as kubelet does: again and again. */
export class Patience {
  private readonly boots: number;

  constructor(private readonly ground: Pick<Ground, 'chaos' | 'cri' | 'faults'>) {
    this.boots = ground.chaos.boots;
  }

  /** Whether the machine was restarted since this was made. */
  get rebooted(): boolean {
    return this.ground.chaos.boots !== this.boots;
  }

  /** Makes a call until it succeeds. Rejects with Rebooted after a reboot, unless it is to be made then as well. */
  async call<T>(name: string, act: (cri: CriClient) => Promise<T>, { overReboots = false } = {}): Promise<T> {
    const { cri, faults } = this.ground;
    const limit = Date.now() + PATIENCE_MS;
    for (;;) {
      if (!overReboots && this.rebooted) throw new Rebooted();
      try {
        return await act(cri);
      } catch (error) {
        if (!overReboots && this.rebooted) throw new Rebooted();
        if (Date.now() > limit) {
          faults.add('calls that did not succeed in two minutes', `${name}: ${errorMessage(error)}`);
          throw new Error(`${name}: ${errorMessage(error)}`);
        }
      }
      await pause(RETRY_MS);
    }
  }
}
