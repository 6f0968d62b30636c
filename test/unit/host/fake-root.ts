import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A directory that stands for a host's root; gone after each test. */
export function useFakeRoot(): { readonly path: string; add(files: Record<string, string>): void } {
  const root = {
    path: '',
    add(files: Record<string, string>): void {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root.path, name)), { recursive: true });
        writeFileSync(join(root.path, name), content);
      }
    },
  };
  beforeEach(() => {
    root.path = mkdtempSync(join(tmpdir(), 'crisp-root-'));
  });
  afterEach(() => rmSync(root.path, { recursive: true }));
  return root;
}
