import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { numberOf, tellings } from '../../support/limits-in-source';
import { fileText, quoted, type Row, rowsOf, SECURITY_DOC, sectionOf } from '../../support/security-doc';

const ROOT = resolve(__dirname, '../../..');
const SETTINGS = fileText('docs/config.md') ?? '';

const sizes = rowsOf('Where sizes come from');
const promises = rowsOf('What is promised, and to whom');

const isConstant = (word: string): boolean => /^[A-Z][A-Z0-9_]+$/.test(word);
const isSetting = (word: string): boolean => /^([a-z]+\.)?[a-z]+(_[a-z]+)+$/.test(word);

/** The sources that a row says hold its limit. */
const sourcesOf = ([, , where = '']: Row): string[] => quoted(where).filter((each) => each.startsWith('src/'));

describe('docs/security.md', () => {
  it('names tests and sources that are there', () => {
    const named = [...SECURITY_DOC.matchAll(/`((?:test|src|packaging|bin|scripts|docs)\/[\w./-]+)`/g)];
    const paths = new Set(named.map(([, path = '']) => path));
    expect(paths.size).toBeGreaterThan(40);
    expect([...paths].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has links that lead somewhere', () => {
    const targets = [...SECURITY_DOC.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    expect(targets.length).toBeGreaterThanOrEqual(3);
    const broken = targets.filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? 'docs/security.md' : join('docs', path);
      const text = fileText(file);
      if (text === undefined) return true;
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => anchorOf(title));
      return anchor !== undefined && !anchors.includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each(['README.md', 'SECURITY.md', 'packaging/systemd/crisp.service'])('has what %s refers to', (file) => {
    const links = [...(fileText(file) ?? '').matchAll(/docs\/security\.md(?:#([\w-]+))?/g)];
    expect(links.length).toBeGreaterThan(0);
    const anchors = [...SECURITY_DOC.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => anchorOf(title));
    const broken = links.filter(([, anchor]) => anchor !== undefined && !anchors.includes(anchor));
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('names a test for each promise', () => {
    const bare = promises.filter(([, , tests = '']) => !quoted(tests).some((path) => path.startsWith('test/')));
    expect(promises.length).toBeGreaterThan(20);
    expect(bare.map(([promise]) => promise)).toEqual([]);
  });

  it('makes its promises to those of whom it says what they may do, or to whom it explains why', () => {
    expect(sectionOf('Who may do what')).toContain('administrator');
    expect(promises.filter(([, to = '']) => to === '')).toEqual([]);
  });
});

describe('the sizes in docs/security.md', () => {
  it('have six cells a row, none of them empty', () => {
    expect(sizes.length).toBeGreaterThan(40);
    expect(sizes.filter((cells) => cells.length !== 6 || cells.includes(''))).toEqual([]);
  });

  it('say in which source each is', () => {
    expect(sizes.filter((row) => sourcesOf(row).length === 0).map(([what]) => what)).toEqual([]);
  });

  it('name constants that their sources have', () => {
    const lost = sizes.flatMap((row) => {
      const texts = sourcesOf(row).map((path) => fileText(path) ?? '');
      const names = quoted(row[3] ?? '').filter(isConstant);
      return names.filter((name) => !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
    });
    expect(lost).toEqual([]);
  });

  it('tell the values that the constants have', () => {
    const judged = sizes.flatMap((row) =>
      quoted(row[3] ?? '')
        .filter(isConstant)
        .flatMap((name) => {
          const values = sourcesOf(row).flatMap((path) => numberOf(name, fileText(path) ?? '') ?? []);
          return values.map((value) => ({ name, value, told: row[3] ?? '' }));
        }),
    );
    expect(judged.length).toBeGreaterThan(40);
    expect(judged.filter(({ value, told }) => !tellings(value).some((shape) => shape.test(told)))).toEqual([]);
  });

  it('name settings that there are', () => {
    const names = sizes.flatMap(([, , , limit = '']) => quoted(limit).filter(isSetting));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !SETTINGS.includes(`\`${name.split('.').at(-1)}\``))).toEqual([]);
  });
});

/** As hosts of Markdown make an anchor of a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
