import type { Logger } from '../base/logger';
import type { ServiceManager } from '../base/service-manager';
import type { LockFile } from '../host/process/lock-file';

/** What the parts of crisp are told by the program that starts them. */
export interface AppOptions {
  readonly log: Logger;
  readonly version: string;
  /** The program that has the stdio of containers, a bundle of its own. */
  readonly stdioProgram: string;
  /** Who started us, and the names of what it has kept for us. */
  readonly manager: ServiceManager;
  readonly kept: readonly string[];
}

/** What a server needs beyond that. */
export interface ServingOptions extends AppOptions {
  /** The lock of the state directory. The app releases it when it stops. */
  readonly lock: LockFile;
}
