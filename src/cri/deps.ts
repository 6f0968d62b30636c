import type { Metrics } from '../base/metrics';
import type { Retries } from '../base/work/retry-queue';
import type { Config } from '../config/schema';
import type { Process } from '../containerd/tasks';
import type { ExitMonitor } from '../exits/exit-monitor';
import type { ImagePuller } from '../images/pull/pull';
import type { ImageIndex } from '../images/store/image-index';
import type { UnpackedImages } from '../images/unpack/unpacked-images';
import type { UserFiles } from '../pods/user-files';
import type { StatsSampler } from '../sampler/stats-sampler';
import type { NamesOfImage } from '../state/cri-shapes';
import type { ExecIo } from '../stdio/exec-io';
import type { StreamingServer } from '../streaming/server';
import type { LifecycleDeps } from '../tasks/deps';
import type { CdiFiles } from './container/inputs/cdi-files';
import type { ResourceClassFiles } from './container/inputs/resource-class-files';
import type { Creations } from './creations';
import type { HandlerFeatures } from './runtime/handler-features';

/** Everything a story may ask for; each picks what it uses. `server/wiring.ts` builds it once. */
export interface CriDeps extends LifecycleDeps {
  readonly config: Config;
  readonly version: string;
  /** Why pods cannot be served now; empty when they can. */
  readonly readiness: { problem: string };
  readonly metrics: Metrics;
  /** Creations under way, which a repeated call joins. */
  readonly creations: Creations;
  readonly images: ImageIndex;
  readonly puller: ImagePuller;
  readonly unpacked: UnpackedImages;
  readonly monitor: ExitMonitor;
  /** What could not be done when it was due and is tried again. */
  readonly retries: Retries;
  /** All tasks, asked for once for those who ask at the same time. */
  readonly allTasks: () => Promise<readonly Process[]>;
  readonly stats: StatsSampler;
  readonly namesOfImage: NamesOfImage;
  readonly execIo: ExecIo;
  readonly userFiles: UserFiles;
  readonly cdiFiles: CdiFiles;
  readonly resourceClasses: ResourceClassFiles;
  readonly features: HandlerFeatures;
  /** Gives out the URLs behind which exec, attach and port-forward are. */
  readonly streaming: Pick<StreamingServer, 'urlFor'>;
}
