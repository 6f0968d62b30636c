import { DIGEST_IMAGE, testImages } from './images/catalog';
import { buildImage, LayerCache } from './images/push';
import { buildTools } from './tools';

/** The folder of a critest that pulls our stand-in for the image that it names by digest. Builds it when that has not been done. */
export function critestFolder(): string {
  return buildTools(['critest'], { CRITEST_DIGEST: digestOfDigestImage() }).critest;
}

function digestOfDigestImage(): string {
  const definition = testImages().find((image) => image.names.includes(DIGEST_IMAGE));
  if (!definition) throw new Error(`${DIGEST_IMAGE} is not among the test images`);
  return buildImage(definition, new LayerCache()).digest;
}
