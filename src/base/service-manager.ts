/** Whoever starts and restarts us (systemd), as rooms see it; `host/` has it. */
export interface ServiceManager {
  /** We serve. */
  ready(): void;
  /** We do not serve yet, and why. */
  waiting(why: string): void;
  stopping(): void;
  /** Asks it to hold copies of these descriptors, under a name, over our end. */
  keep(name: string, fds: readonly number[]): void;
  /** It need not hold any longer what it holds under that name. */
  drop(name: string): void;
}

const nothing = (): void => undefined;

/** Nobody: what we say is not heard. */
export const noManager: ServiceManager = {
  ready: nothing,
  waiting: nothing,
  stopping: nothing,
  keep: nothing,
  drop: nothing,
};
