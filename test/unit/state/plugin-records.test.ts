import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { atOnce } from '../../../src/base/work/pieces';
import {
  CONTAINER_EXTENSION,
  CONTAINER_METADATA_TYPE,
  containerMetadataExtension,
  encodeSandboxMetadata,
  parseContainerMetadata,
  parseSandboxMetadata,
  SANDBOX_EXTENSION,
  SANDBOX_METADATA_TYPE,
} from '../../../src/state/records';
import { encodeStatusFile, foreignMembers, parseStatusFile } from '../../../src/state/status-file';

/** What containerd's own CRI plugin has written on a real node. */
const FIXTURES = join(__dirname, '../../fixtures/plugin-records');

interface StoredExtension {
  typeUrl: string;
  value: { text: string };
}

function fixture<T>(release: string, name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, release, name), 'utf8')) as T;
}

/** Go's encoder escapes what could end a script element, and two line ends of JavaScript. */
function asGoWrites(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function extensions(release: string, key: string): StoredExtension[] {
  const records = fixture<{ extensions: Record<string, StoredExtension> }[]>(release, 'containers.json');
  const found = records.map((record) => record.extensions[key]).filter((extension) => extension !== undefined);
  expect(found.length).toBeGreaterThan(0);
  return found;
}

describe.each(['1.6', '2.x'])('what the plugin of containerd %s wrote', (release) => {
  it('of sandboxes is written again as it was, byte for byte', () => {
    for (const { typeUrl, value } of extensions(release, SANDBOX_EXTENSION)) {
      const metadata = parseSandboxMetadata(Buffer.from(value.text));
      if (!metadata) throw new Error('not read');
      expect(typeUrl).toBe(SANDBOX_METADATA_TYPE);
      expect(asGoWrites(encodeSandboxMetadata(metadata))).toBe(value.text);
    }
  });

  it('of containers is written again as it was, byte for byte', () => {
    for (const { typeUrl, value } of extensions(release, CONTAINER_EXTENSION)) {
      const metadata = atOnce(parseContainerMetadata(Buffer.from(value.text)));
      if (!metadata) throw new Error('not read');
      expect(typeUrl).toBe(CONTAINER_METADATA_TYPE);
      expect(asGoWrites(atOnce(containerMetadataExtension(metadata)).value.toString())).toBe(value.text);
    }
  });

  it('into status files is written again as it was, byte for byte', () => {
    const { contents } = fixture<{ root: { contents: Record<string, string> } }>(release, 'disk.json').root;
    const files = Object.entries(contents).filter(([path]) => path.endsWith('/status'));
    expect(files.length).toBeGreaterThan(0);
    for (const [, text] of files) {
      const status = parseStatusFile(Buffer.from(text));
      if (!status) throw new Error('not read');
      expect(encodeStatusFile(status, foreignMembers(Buffer.from(text)))).toBe(text);
    }
  });
});
