import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The project's own folder: tests and `make` run there. */
export function checkout(): string {
  const here = process.cwd();
  const { name } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as { name: string };
  if (name !== 'crisp') throw new Error(`run this from the top of the checkout, not from ${here}`);
  return here;
}

/** Where built tools and downloaded packages are kept between runs; never in the checkout. */
export function cacheDir(): string {
  const dir = process.env.CRISP_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'crisp');
  mkdirSync(dir, { recursive: true });
  return dir;
}
