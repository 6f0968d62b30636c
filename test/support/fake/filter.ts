/** A field's value; undefined when it has none. `path` is what stands between the dots. */
export type Fields = (path: readonly string[]) => string | undefined;

interface Selector {
  path: string[];
  operator: '' | '==' | '!=' | '~=';
  value: string;
}

const TOKEN = /("(?:[^"\\]|\\.)*"|[A-Za-z0-9_/-]+)|(\.)|(==|!=|~=)|(,)/y;

/** True when one of containerd's filters matches, or there is none. Inside one, all selectors must match. */
export function matches(filters: readonly string[], fields: Fields): boolean {
  return filters.length === 0 || filters.some((filter) => parse(filter).every((selector) => holds(selector, fields)));
}

/** Fields of a labelled thing: plain ones by name, labels below `labels`. */
export function fieldsOf(plain: Record<string, string>, labels: Record<string, string> = {}): Fields {
  return ([first = '', ...rest]) => (first === 'labels' ? labels[rest.join('.')] : plain[[first, ...rest].join('.')]);
}

function holds({ path, operator, value }: Selector, fields: Fields): boolean {
  const actual = fields(path);
  if (operator === '') return actual !== undefined && actual !== '';
  if (operator === '!=') return actual !== value;
  if (actual === undefined) return false;
  return operator === '==' ? actual === value : new RegExp(value).test(actual);
}

function parse(filter: string): Selector[] {
  const selectors: Selector[] = [];
  let current: Selector = { path: [], operator: '', value: '' };
  TOKEN.lastIndex = 0;
  for (let at = 0; at < filter.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const [, word, , operator, comma] = TOKEN.exec(filter) ?? bad(filter);
    if (word !== undefined && current.operator === '') current.path.push(unquoted(word));
    if (comma !== undefined) {
      selectors.push(current);
      current = { path: [], operator: '', value: '' };
    }
    if (operator === undefined) continue;
    const rest = filter.slice(TOKEN.lastIndex);
    const value = /^(?:"(?:[^"\\]|\\.)*"|[^,]*)/.exec(rest)?.[0] ?? '';
    current = { ...current, operator: operator as Selector['operator'], value: unquoted(value) };
    TOKEN.lastIndex += value.length;
  }
  return [...selectors, current];
}

function unquoted(word: string): string {
  return word.startsWith('"') ? (JSON.parse(word) as string) : word;
}

function bad(filter: string): never {
  throw new Error(`the fake cannot read the filter ${filter}`);
}
