import { join } from 'node:path';

import { checkout } from '../daemon/places';

/** A file of the comparison of specs. */
export function fixture(name: string): string {
  return join(checkout(), 'test/fixtures/plugin-specs', name);
}
