/** Fills a registry with the test images: `node push-images.js http://127.0.0.1:5000 [--big]`. Prints each name's digest. */
import { bigImage, testImages } from './images/catalog';
import { buildImage, LayerCache, pushImage } from './images/push';

async function main(): Promise<void> {
  const [url, ...flags] = process.argv.slice(2);
  if (!url) throw new Error('usage: push-images URL [--big]');
  const cache = new LayerCache();
  for (const definition of [...testImages(), ...(flags.includes('--big') ? [bigImage()] : [])]) {
    const image = buildImage(definition, cache);
    await pushImage(url.replace(/\/$/, ''), image);
    for (const name of image.names) process.stdout.write(`${name} ${image.digest}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
