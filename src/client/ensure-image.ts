import { ImageStatusRequest, PullImageRequest } from '../../generated/cri/v1/api';
import { errorMessage } from '../base/errors';
import type { CriCalls } from './cri-client';

/** Time limit of a call that does not fetch anything. */
export const CALL_TIMEOUT_MS = 30_000;

export interface EnsuredImage {
  /** The image's id: the digest of its configuration. */
  readonly id: string;
  readonly pulled: boolean;
}

/** Afterwards the server has the image: it had it, or pulled it. Else an error that says how to do without a registry. */
export async function ensureImage(
  { images }: Pick<CriCalls, 'images'>,
  reference: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<EnsuredImage> {
  const { signal, timeoutMs } = options;
  const image = { image: reference };
  const present = async (): Promise<string | undefined> => {
    const answer = await images.imageStatus(ImageStatusRequest.fromPartial({ image }), {
      signal,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    return answer.image?.id;
  };
  const before = await present();
  if (before !== undefined) return { id: before, pulled: false };
  try {
    await images.pullImage(PullImageRequest.fromPartial({ image }), { signal, timeoutMs });
  } catch (error) {
    // Somebody may have imported it while we tried.
    const meanwhile = signal?.aborted ? undefined : await present();
    if (meanwhile !== undefined) return { id: meanwhile, pulled: false };
    throw new Error(
      `the image ${reference} is not there and cannot be pulled (${errorMessage(error)}); ` +
        'without a registry, import it: ctr -n k8s.io images import FILE',
      { cause: error },
    );
  }
  const after = await present();
  if (after === undefined) throw new Error(`the image ${reference} was pulled, but the server does not find it`);
  return { id: after, pulled: true };
}
