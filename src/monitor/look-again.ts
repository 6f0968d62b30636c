import type { ContainerRecord } from '../containerd/containers';
import { KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { type Asked, askDaemon } from './inventory';
import type { RecoverDeps } from './recover';
import { recoverContainer } from './recover-container';
import { recoverSandbox } from './recover-sandbox';
import { rollBackInterrupted } from './roll-back-interrupted';

/** An image that containers were made from may have been removed meanwhile: then it is not looked for for ever. */
const IMAGE_TRIES = 10;

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

/** Reads the images again as long as one that a container was made from is not among them. */
export function readImagesAgain(deps: RecoverDeps): void {
  const isMissing = (): boolean =>
    deps.containers.list().some(({ metadata: { imageRef } }) => imageRef !== '' && !deps.images.find(imageRef));
  if (!isMissing()) return;
  let tries = 0;
  const again = async (): Promise<boolean> => {
    await deps.images.resync();
    tries += 1;
    return !isMissing() || tries >= IMAGE_TRIES;
  };
  deps.retries.until('the images of containers', again, 'containerd did not list them');
}
