import { stringify } from 'smol-toml';
import { parseConfig } from './load';
import { isTable } from './setting';

type Table = Record<string, unknown>;

const HEAD = [
  '# Converted from a configuration of containerd: what is not here has the default of crisp.',
  '# containerd must not run its own CRI: put "io.containerd.grpc.v1.cri" into its disabled_plugins.',
].join('\n');

/** A configuration of ours in the making. */
export class Conversion {
  readonly warnings: string[] = [];
  /** Lines of comment for the end of the file. */
  readonly remarks: string[] = [];
  private readonly tree: Table = {};

  warn(path: string, problem: string): void {
    this.warnings.push(`${path}: ${problem}`);
  }

  /** Sets a key of ours by its path. */
  set(keys: readonly string[], value: unknown): void {
    let table = this.tree;
    for (const key of keys.slice(0, -1)) {
      const inner = table[key];
      const next = isTable(inner) ? inner : {};
      table[key] = next;
      table = next;
    }
    table[keys.at(-1) ?? ''] = value;
  }

  /** The file. Throws ConfigError when it would not be accepted. */
  toml(): string {
    const read = parseConfig(stringify(this.tree));
    const body = stringify(pruned(this.tree, read, withEveryRuntime(this.tree))).trim();
    const remarks = this.remarks.map((line) => `# ${line}`.trimEnd()).join('\n');
    return `${[HEAD, body, remarks]
      .filter((part) => part !== '')
      .join('\n\n')
      .trimEnd()}\n`;
  }
}

/** The defaults, with those of a runtime for every runtime there is. */
function withEveryRuntime(tree: Table): Table {
  const { containerd, ...rest } = parseConfig('');
  const { runtime_type: _type, ...usual } = containerd.runtimes.runc ?? {};
  const named =
    isTable(tree.containerd) && isTable(tree.containerd.runtimes) ? Object.keys(tree.containerd.runtimes) : [];
  const runtimes = { ...Object.fromEntries(named.map((name) => [name, usual])), ...containerd.runtimes };
  return { ...rest, containerd: { ...containerd, runtimes } };
}

/** The table without what the defaults say anyway, compared as it is read. */
function pruned(table: Table, read: unknown, usual: unknown): Table {
  const [values, defaults] = [isTable(read) ? read : {}, isTable(usual) ? usual : {}];
  const kept = Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
    if (!isTable(value)) return same(values[key], defaults[key]) ? [] : [[key, value]];
    const inner = pruned(value, values[key], defaults[key]);
    return Object.keys(inner).length === 0 ? [] : [[key, inner]];
  });
  return Object.fromEntries(kept);
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
