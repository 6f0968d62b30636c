import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../generated/cri/v1/api';
import { strayWaits } from '../support/outside-waits';
import { OWN_FILES, OWN_WAITS, SERVING } from '../support/own-waits';

const ROOT = resolve(__dirname, '../..');
const SRC = join(ROOT, 'src');

type Module = string;

/** Who may import whom: down, never up or sideways, except as this table says. */
const MAY_IMPORT: Record<Module, readonly Module[]> = {
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
  stdio: ['base', 'model'],
  streaming: ['base'],
  state: ['base', 'model'],
  cni: ['base', 'host', 'model'],
  images: ['base', 'containerd', 'model'],
  // What becomes of one task, of one pod, of what several pods share: needed by RPC handlers and by recovery.
  shims: ['base', 'host', 'model', 'state'],
  tasks: ['base', 'cni', 'containerd', 'host', 'model', 'oci', 'shims', 'state', 'stats', 'stdio'],
  pods: ['base', 'cni', 'containerd', 'host', 'model', 'oci', 'shims', 'state', 'stdio', 'tasks'],
  exits: ['base', 'containerd', 'host', 'images', 'model', 'pods', 'state', 'tasks'],
  sampler: ['base', 'containerd', 'host', 'model', 'oci', 'pods', 'stats', 'tasks'],
  gc: ['base', 'containerd', 'host', 'model', 'oci', 'pods', 'state', 'tasks'],
  recovery: ['base', 'containerd', 'exits', 'host', 'images', 'model', 'oci', 'pods', 'state', 'stdio', 'tasks'],
  cri: [
    ...['base', 'cni', 'config', 'containerd', 'exits', 'host', 'images', 'model', 'oci', 'pods', 'rpc', 'sampler'],
    ...['state', 'stats', 'stdio', 'streaming', 'tasks'],
  ],
  // The two processes. crisp-stdio goes on when crisp ends, and knows nothing of CRI.
  stdiod: ['base', 'containerd', 'host', 'observability', 'rpc', 'stdio'],
  server: [
    ...[
      'base',
      'cni',
      'config',
      'containerd',
      'cri',
      'exits',
      'gc',
      'host',
      'images',
      'model',
      'observability',
      'pods',
    ],
    ...['recovery', 'rpc', 'sampler', 'shims', 'state', 'stdio', 'streaming', 'tasks'],
  ],
  // A CRI client of its own; cli only starts it.
  client: ['base', 'rpc'],
  cli: ['base', 'config'],
};

/** These lie in no module and may import all. */
const TOP: readonly string[] = ['src/main.ts'];

/** A folder with more files than this is divided. */
const MOST_FILES = 24;

/** Packages and trees that have one door each. */
const DOORS: { what: RegExp; modules: readonly Module[] }[] = [
  { what: /^node:http2$/, modules: ['rpc'] },
  { what: /^@grpc\/grpc-js/, modules: ['rpc'] },
  { what: /^winston$/, modules: ['observability'] },
  { what: /^koffi$/, modules: ['host'] },
  { what: /^node:child_process$/, modules: ['host', 'cni'] },
  { what: /^commander$/, modules: ['cli'] },
  { what: /^ws$/, modules: ['streaming'] },
  { what: /^generated\/containerd\//, modules: ['containerd', 'stats'] },
  { what: /^generated\/grpc\//, modules: [] }, // for tests
  { what: /^generated\/cgroups\//, modules: ['stats'] },
  {
    what: /^generated\/cri\//,
    modules: ['cri', 'oci', 'stats', 'state', 'model', 'tasks', 'pods', 'server', 'client'],
  },
];

/** Modules that are values in, values out. */
const PURE: readonly Module[] = ['oci', 'stats', 'model'];

/** Modules whose files read what administrators, device plugins and images have made; `host` does so on threads of its own. */
const MEETS_FOREIGN_FILES: readonly Module[] = ['images', 'cni', 'tasks', 'pods', 'recovery', 'cri', 'config'];

interface Import {
  readonly file: string;
  readonly module: Module;
  readonly target: string;
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesBelow(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function moduleOf(path: string): Module | undefined {
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
  const module = moduleOf(file);
  if (module === undefined) return [];
  return targetsOf(file).map((target) => ({ file: relative(ROOT, file), module, target }));
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
  it('has a row in the import table for every file', () => {
    const names = files.map((file) => relative(ROOT, file)).filter((file) => !TOP.includes(file));
    expect(names.filter((file) => !((moduleOf(join(ROOT, file)) ?? '') in MAY_IMPORT))).toEqual([]);
    expect(Object.keys(MAY_IMPORT).filter((module) => !existsSync(join(SRC, module)))).toEqual([]);
  });

  it('lets modules import each other in one direction', () => {
    const rows = new Map(Object.entries(MAY_IMPORT));
    expect([...rows.keys()].filter((module) => reachedFrom(module, rows).has(module))).toEqual([]);
  });

  it('has no folder with more files than are taken in at a glance, here or in test/unit', () => {
    const all = [...files, ...filesBelow(join(ROOT, 'test/unit'))];
    const counts = new Map<string, number>();
    for (const file of all) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    const full = [...counts].filter(([, count]) => count > MOST_FILES);
    expect(full.map(([dir, count]) => `${relative(ROOT, dir)}: ${count}`)).toEqual([]);
  });

  it('has no import that goes up or sideways', () => {
    const wrong = imports.filter(({ module, target }) => {
      const to = target.startsWith('src/') ? target.split('/')[1] : undefined;
      return to !== undefined && to !== module && !MAY_IMPORT[module]?.includes(to);
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('has no import that leads back to its own file', () => {
    const targets = new Map(files.map((file) => [relative(ROOT, file).replace(/\.ts$/, ''), targetsOf(file)]));
    expect([...targets.keys()].filter((file) => reachedFrom(file, targets).has(file))).toEqual([]);
  });

  it('lets each package and each generated tree in through its door only', () => {
    const wrong = imports.filter(({ module, target }) =>
      DOORS.some((door) => door.what.test(target) && !door.modules.includes(module)),
    );
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('keeps the pure modules free of everything of Node but paths', () => {
    const wrong = imports.filter(
      ({ module, target }) => PURE.includes(module) && target.startsWith('node:') && target !== 'node:path',
    );
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('keeps the pure modules from reading clock and environment', () => {
    const wrong = files.filter(
      (file) =>
        PURE.includes(moduleOf(file) ?? '') && /Date\.now|NODE_ENV|new Date\(\)/.test(readFileSync(file, 'utf8')),
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
      if (file in OWN_WAITS || SERVING.some((pattern) => pattern.test(file))) return [];
      return strayWaits(path).map(({ line, what }) => `${file}:${line}: ${what}`);
    });
    expect(stray).toEqual([]);
  });

  it('reads the files of others through the tool, or says what else ends the wait', () => {
    const stray = files.flatMap((path) => {
      const file = relative(ROOT, path);
      const text = readFileSync(path, 'utf8');
      const reads = /from 'node:fs\/promises'|\breadRegularFile\(/.test(text);
      const isTold = file in OWN_FILES || /from '(?:\.\.\/)+base\/wait\/outside'/.test(text);
      return reads && MEETS_FOREIGN_FILES.includes(moduleOf(path) ?? '') && !isTold ? [file] : [];
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
