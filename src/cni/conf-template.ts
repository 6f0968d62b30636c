import { CniError } from './cni-error';

/**
 * The part of Go's text/template that network configuration templates use: `{{.PodCIDR}}`, `{{range .Routes}}…{{end}}`,
 * `{{range $i, $range := .PodCIDRRanges}}`, `{{if …}}…{{else}}…{{end}}` and `{{- … -}}`. Everything else is an error
 * that quotes the action: a file that is half right would connect pods wrongly.
 */

interface Text {
  readonly text: string;
}
interface Value {
  readonly path: string;
}
interface Block {
  readonly kind: 'range' | 'if';
  readonly path: string;
  /** Variables of `range $index, $item :=`, without the dollar; with one, it is the item. */
  readonly variables: readonly string[];
  readonly body: Node[];
  readonly otherwise: Node[];
}
type Node = Text | Value | Block;

interface Scope {
  readonly dot: unknown;
  readonly root: Readonly<Record<string, unknown>>;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** No action has the beginning of another in it: it would be looked for an end of each of them. */
const ACTION = /\{\{(- )?((?:(?!\{\{).)*?)( -)?\}\}/gs;
/** Blocks within each other. */
const MAX_DEPTH = 100;
const PATH = /^(?:\.|(?:\$[A-Za-z_]\w*|\$)?(?:\.[A-Za-z_]\w*)*)$/;
const RANGE = /^range\s+(?:\$([A-Za-z_]\w*)\s*(?:,\s*\$([A-Za-z_]\w*)\s*)?:=\s*)?(\S+)$/;

/** The text of a configuration for these pod CIDRs: `PodCIDR` is the first; each family present has a default route. */
export function renderConfTemplate(template: string, podCidrs: readonly string[]): string {
  const cidrs = podCidrs.map((cidr) => cidr.trim()).filter(Boolean);
  const routes = [
    ...(cidrs.some((cidr) => !cidr.includes(':')) ? ['0.0.0.0/0'] : []),
    ...(cidrs.some((cidr) => cidr.includes(':')) ? ['::/0'] : []),
  ];
  const root = { PodCIDR: cidrs[0] ?? '', PodCIDRRanges: cidrs, Routes: routes };
  return render(parseTemplate(template), { dot: root, root, variables: {} });
}

interface Open {
  readonly block: Block;
  inElse: boolean;
}

function parseTemplate(template: string): Node[] {
  const nodes: Node[] = [];
  const open: Open[] = [];
  const target = (): Node[] => {
    const top = open.at(-1);
    if (!top) return nodes;
    return top.inElse ? top.block.otherwise : top.block.body;
  };
  let at = 0;
  let trim = false;
  for (const match of template.matchAll(ACTION)) {
    const before = template.slice(at, match.index);
    target().push({ text: trimmed(before, trim, match[1] !== undefined) });
    at = match.index + match[0].length;
    trim = match[3] !== undefined;
    act((match[2] ?? '').trim(), open, target);
  }
  target().push({ text: trimmed(template.slice(at), trim, false) });
  if (open.length > 0) throw new CniError('the template has a range or if without its end');
  return nodes;
}

function act(action: string, open: Open[], target: () => Node[]): void {
  const top = open.at(-1);
  if (action === 'end' || action === 'else') {
    if (!top || (action === 'else' && top.inElse)) throw unknownAction(action);
    if (action === 'end') open.pop();
    else top.inElse = true;
    return;
  }
  if (action.startsWith('/*')) return;
  const node = parseAction(action);
  target().push(node);
  if (!('kind' in node)) return;
  if (open.length >= MAX_DEPTH) throw new CniError(`the template has more than ${MAX_DEPTH} blocks within each other`);
  open.push({ block: node, inElse: false });
}

function parseAction(action: string): Value | Block {
  const range = RANGE.exec(action);
  const path = range ? range[3] : action.startsWith('if ') ? action.slice(3).trim() : action;
  if (path === undefined || path === '' || !PATH.test(path)) throw unknownAction(action);
  if (range) {
    const variables = [range[1], range[2]].filter((name) => name !== undefined);
    return { kind: 'range', path, variables, body: [], otherwise: [] };
  }
  return action.startsWith('if ') ? { kind: 'if', path, variables: [], body: [], otherwise: [] } : { path };
}

function render(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join('');
}

function renderNode(node: Node, scope: Scope): string {
  if ('text' in node) return node.text;
  const value = lookUp(node.path, scope);
  if (!('kind' in node)) return String(value);
  if (node.kind === 'if') return render(isTrue(value) ? node.body : node.otherwise, scope);
  if (!Array.isArray(value)) throw new CniError(`the template ranges over ${node.path}, which is no list`);
  if (value.length === 0) return render(node.otherwise, scope);
  return value.map((item: unknown, index) => render(node.body, inner(node, scope, { item, index }))).join('');
}

function inner(block: Block, scope: Scope, { item, index }: { item: unknown; index: number }): Scope {
  const [first, second] = block.variables;
  const added =
    second === undefined ? (first === undefined ? {} : { [first]: item }) : { [first ?? '']: index, [second]: item };
  return { ...scope, dot: item, variables: { ...scope.variables, ...added } };
}

function lookUp(path: string, scope: Scope): unknown {
  if (path === '.') return scope.dot;
  const [head = '', ...fields] = path.split('.');
  let value: unknown = scope.dot;
  if (head === '$') value = scope.root;
  else if (head !== '') {
    const name = head.slice(1);
    if (!Object.hasOwn(scope.variables, name)) throw new CniError(`the template has no variable ${head}`);
    value = scope.variables[name];
  }
  for (const field of fields) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) {
      throw new CniError(`the template's field .${field} is not known`);
    }
    value = Reflect.get(value, field);
  }
  return value;
}

/** Go's notion: an empty text or list, zero and false are not true. */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function trimmed(text: string, left: boolean, right: boolean): string {
  const once = left ? text.trimStart() : text;
  return right ? once.trimEnd() : once;
}

function unknownAction(action: string): CniError {
  return new CniError(`the template has {{${action}}}, which is not understood`);
}
