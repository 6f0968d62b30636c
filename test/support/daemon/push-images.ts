import { bigImage, testImages } from './images/catalog';
import { buildImage, LayerCache, pushImage } from './images/push';

/**
 * Fills a registry with the test images and prints each name's digest:
 * `node test/support/run-typescript.mjs test/support/daemon/push-images.ts http://127.0.0.1:5000 [--big]`.
 */
export async function main([url, ...flags]: readonly string[]): Promise<void> {
  if (!url) throw new Error('which registry? URL [--big]');
  const cache = new LayerCache();
  for (const definition of [...testImages(), ...(flags.includes('--big') ? [bigImage()] : [])]) {
    const image = buildImage(definition, cache);
    await pushImage(url.replace(/\/$/, ''), image);
    for (const name of image.names) process.stdout.write(`${name} ${image.digest}\n`);
  }
}
