import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../generated/cri/v1/api';
import { strayWaits } from '../support/outside-waits';
import { OWN_FILES, OWN_WAITS, SERVING } from '../support/own-waits';

const ROOT = resolve(__dirname, '../..');
const SRC = join(ROOT, 'src');

type Room = string;

const OUTSIDE = ['containerd', 'host', 'io', 'streaming', 'state', 'cni', 'images', 'oci', 'stats'] as const;
const LOWER = ['base', 'model', 'config', 'rpc', ...OUTSIDE] as const;

/** Who may import whom: down, never up or sideways, except as this table says. */
const MAY_IMPORT: Record<Room, readonly Room[]> = {
  base: [],
  model: ['base'],
  observability: ['base'],
  config: ['base'],
  rpc: ['base'],
  oci: ['base', 'model'],
  stats: ['base', 'model'],
  // Types of the model only: a client of containerd knows nothing of CRI.
  containerd: ['base', 'rpc', 'model'],
  host: ['base', 'model'],
  io: ['base', 'model'],
  streaming: ['base'],
  state: ['base', 'model'],
  cni: ['base', 'host', 'model'],
  images: ['base', 'containerd', 'model'],
  // Verbs that both a story and recovery need.
  lifecycle: LOWER,
  monitor: [...LOWER, 'lifecycle'],
  cri: [...LOWER, 'lifecycle', 'monitor'],
  // A CRI client of its own; cli only starts it.
  client: ['base', 'rpc'],
  cli: ['base', 'config'],
};

/** Packages and trees that have one door each. */
const DOORS: { what: RegExp; rooms: readonly Room[] }[] = [
  { what: /^node:http2$/, rooms: ['rpc'] },
  { what: /^@grpc\/grpc-js/, rooms: ['rpc'] },
  { what: /^winston$/, rooms: ['observability'] },
  { what: /^koffi$/, rooms: ['host'] },
  { what: /^node:child_process$/, rooms: ['host', 'cni'] },
  { what: /^commander$/, rooms: ['cli'] },
  { what: /^ws$/, rooms: ['streaming'] },
  { what: /^generated\/containerd\//, rooms: ['containerd', 'stats'] },
  { what: /^generated\/grpc\//, rooms: [] }, // for tests
  { what: /^generated\/cgroups\//, rooms: ['stats'] },
  { what: /^generated\/cri\//, rooms: ['cri', 'monitor', 'oci', 'stats', 'state', 'model', 'lifecycle', 'client'] },
];

/** Rooms that are values in, values out. */
const PURE: readonly Room[] = ['oci', 'stats', 'model'];

/** Rooms whose files read what administrators, device plugins and images have made; `host` does so on threads of its own. */
const MEETS_FOREIGN_FILES: readonly Room[] = ['images', 'cni', 'lifecycle', 'cri', 'config'];

interface Import {
  readonly file: string;
  readonly room: Room;
  readonly target: string;
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesBelow(path) : path.endsWith('.ts') ? [path] : [];
  });
}

/** `app.ts` and the like lie in no room and may import all. */
function roomOf(path: string): Room | undefined {
  const parts = relative(SRC, path).split('/');
  return parts.length > 1 ? parts[0] : undefined;
}

/** What a file imports: packages by their names, files by their paths below the checkout, without `.ts`. */
function targetsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:from|import|require)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, target = '']) =>
    target.startsWith('.') ? relative(ROOT, resolve(dirname(file), target)) : target,
  );
}

function importsOf(file: string): Import[] {
  const room = roomOf(file);
  if (room === undefined) return [];
  return targetsOf(file).map((target) => ({ file: relative(ROOT, file), room, target }));
}

/** The files that are reached by imports from this one. */
function reachedFrom(file: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(targets.get(file));
  // A set tells also what is added to it meanwhile.
  for (const each of reached) for (const target of targets.get(each) ?? []) reached.add(target);
  return reached;
}

const files = filesBelow(SRC);
const imports = files.flatMap(importsOf);

describe('The house', () => {
  it('has a row in the import table for every room', () => {
    const rooms = [...new Set(files.map(roomOf).filter((room) => room !== undefined))];
    expect(rooms.filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  it('has no import that goes up or sideways', () => {
    const wrong = imports.filter(({ room, target }) => {
      const to = target.startsWith('src/') ? target.split('/')[1] : undefined;
      return to !== undefined && to !== room && !MAY_IMPORT[room]?.includes(to);
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('has no import that leads back to its own file', () => {
    const targets = new Map(files.map((file) => [relative(ROOT, file).replace(/\.ts$/, ''), targetsOf(file)]));
    expect([...targets.keys()].filter((file) => reachedFrom(file, targets).has(file))).toEqual([]);
  });

  it('lets each package and each generated tree in through its door only', () => {
    const wrong = imports.filter(({ room, target }) =>
      DOORS.some((door) => door.what.test(target) && !door.rooms.includes(room)),
    );
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('keeps the pure rooms free of everything of Node but paths', () => {
    const wrong = imports.filter(
      ({ room, target }) => PURE.includes(room) && target.startsWith('node:') && target !== 'node:path',
    );
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('keeps the pure rooms from reading clock and environment', () => {
    const wrong = files.filter(
      (file) => PURE.includes(roomOf(file) ?? '') && /Date\.now|NODE_ENV|new Date\(\)/.test(readFileSync(file, 'utf8')),
    );
    expect(wrong.map((file) => relative(ROOT, file))).toEqual([]);
  });

  it('has no file over 300 lines, here or in test/', () => {
    const long = [...files, ...filesBelow(join(ROOT, 'test'))].filter(
      (file) => readFileSync(file, 'utf8').split('\n').length > 301,
    );
    expect(long.map((file) => relative(ROOT, file))).toEqual([]);
  });

  it('has no barrel, no default export, and no file that is named for nothing', () => {
    const named = files.filter((file) => /\/(index|utils?|helpers?|common)\.ts$/.test(file));
    const defaults = files.filter((file) => /^export default/m.test(readFileSync(file, 'utf8')));
    expect([...named, ...defaults].map((file) => relative(ROOT, file))).toEqual([]);
  });

  it('has no mutable variable at the level of a module', () => {
    const wrong = files.filter((file) => /^(export )?let /m.test(readFileSync(file, 'utf8')));
    expect(wrong.map((file) => relative(ROOT, file))).toEqual([]);
  });

  it('waits for what is outside through the tool for that, or says what else ends the wait', () => {
    const stray = files.flatMap((path) => {
      const file = relative(ROOT, path);
      if (file in OWN_WAITS || SERVING.some((room) => room.test(file))) return [];
      return strayWaits(path).map(({ line, what }) => `${file}:${line}: ${what}`);
    });
    expect(stray).toEqual([]);
  });

  it('reads the files of others through the tool, or says what else ends the wait', () => {
    const stray = files.flatMap((path) => {
      const file = relative(ROOT, path);
      const text = readFileSync(path, 'utf8');
      const reads = /from 'node:fs\/promises'|\breadRegularFile\(/.test(text);
      const isTold = file in OWN_FILES || /from '(?:\.\.\/)+base\/outside'/.test(text);
      return reads && MEETS_FOREIGN_FILES.includes(roomOf(path) ?? '') && !isTold ? [file] : [];
    });
    expect(stray).toEqual([]);
  });

  it('tells of every RPC in docs/rpcs.md', () => {
    const text = readFileSync(join(ROOT, 'docs/rpcs.md'), 'utf8');
    const names = [RuntimeServiceDefinition, ImageServiceDefinition].flatMap(({ methods }) =>
      Object.values(methods).map(({ name }) => name),
    );
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
