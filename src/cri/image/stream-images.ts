import { type StreamImagesRequest, StreamImagesResponse } from '../../../generated/cri/v1/api';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingImages } from './list-images';

/** ListImages in batches, for nodes whose list is too long for one message. */
export async function* streamImages(
  deps: Pick<CriDeps, 'images'>,
  req: StreamImagesRequest,
): AsyncIterable<EncodedMessage> {
  yield* batches(matchingImages(deps, req.filter?.image?.image ?? ''), (item) =>
    StreamImagesResponse.encode({ images: [item] }).finish(),
  );
}
