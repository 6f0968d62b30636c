import type { ContainerRecord } from '../containerd/containers';
import type { Container } from '../model/container';
import { KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { type Asked, askDaemon } from './inventory';
import { recoverContainer } from './recover-container';
import type { RecoverDeps } from './recover-deps';
import { recoverSandbox } from './recover-sandbox';
import { rollBackInterrupted } from './roll-back-interrupted';

/** An image that containers were made from may have been removed: after some 30 seconds it counts as that. */
const IMAGE_TRIES = 5;
const IMAGE_UNREAD = 'its image is not among those that containerd lists, or cannot be read';

/**
 * Asks containerd again, in the background, about pods and containers of which a start found files and no record it could
 * rely on. What has a record after all is recovered, and what is an interrupted creation is rolled back.
 */
export function lookAgain(deps: RecoverDeps, first: Asked): void {
  const ids = new Set([...first.journal.keys(), ...first.absent, ...first.unasked.keys()]);
  const isOpen = ({ id }: ContainerRecord): boolean =>
    ids.has(id) && !deps.sandboxes.get(id) && !deps.containers.get(id) && !deps.locks.isHeld(id);
  const again = async (): Promise<boolean> => {
    const asked = await askDaemon(deps);
    const found = asked.records.filter(isOpen);
    const isPod = (record: ContainerRecord): boolean => record.labels[KIND_LABEL] === KIND_SANDBOX;
    for (const record of found.filter(isPod)) await recoverSandbox(deps, record, asked);
    for (const record of found.filter((each) => !isPod(each))) await recoverContainer(deps, record, asked);
    const journal = new Map([...asked.journal].filter(([id]) => ids.has(id)));
    return (await rollBackInterrupted(deps, { ...asked, journal })) && asked.unasked.size === 0;
  };
  const [why] = first.unasked.values();
  deps.retries.until('what became of pods and containers without a record', again, why);
}

/**
 * Reads the images again while that of a container is not among them, or could not be read. Until it is, the status of the
 * container is not told: it would name another image.
 */
export function readImagesAgain(deps: RecoverDeps): void {
  const { images } = deps;
  const isOpen = ({ metadata: { imageRef, imageName } }: Container): boolean =>
    imageRef !== '' && (!images.find(imageRef) || images.unreadNames.has(imageName));
  const open = new Set(deps.containers.list().filter((container) => isOpen(container) && !container.unreadable));
  if (open.size === 0) return;
  for (const container of open) container.unreadable = IMAGE_UNREAD;
  let tries = 0;
  const again = async (): Promise<boolean> => {
    tries += 1;
    await images.resync().catch((error: unknown) => {
      if (tries < IMAGE_TRIES) throw error;
    });
    for (const container of open) {
      if (isOpen(container) && tries < IMAGE_TRIES) continue;
      if (container.unreadable === IMAGE_UNREAD) container.unreadable = undefined;
      open.delete(container);
    }
    return open.size === 0;
  };
  deps.retries.until('the images of containers', again, IMAGE_UNREAD);
}
