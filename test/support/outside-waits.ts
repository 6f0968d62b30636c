import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** The tool: what begins within a call of one of these ends with the tool's wait. */
const TOOL: ReadonlySet<string> = new Set(['fromOutside', 'askOutside']);
/** Functions of Node that begin something at a peer or start a process. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['connect', 'createConnection'],
  'node:tls': ['connect'],
  'node:http': ['request', 'get'],
  'node:https': ['request', 'get'],
  'node:http2': ['connect'],
  'node:dns/promises': ['lookup', 'resolve'],
  'node:child_process': ['spawn', 'fork', 'exec', 'execFile'],
};
/** Functions that wait for an event by themselves. */
const EVENT_WAITS: Readonly<Record<string, readonly string[]>> = {
  'node:events': ['once', 'on'],
  'node:stream/promises': ['finished', 'pipeline'],
};
const LISTENING: ReadonlySet<string> = new Set(['on', 'once', 'addListener']);

/** A wait that does not go through the tool. */
export interface StrayWait {
  readonly line: number;
  readonly what: string;
}

/**
 * Places of a source file that wait for something outside beside the tool: they dial or start a process, wait for an event by
 * Node's helpers, or make a promise that settles when an emitter tells something. Aliases of imports count as what they are of.
 */
export function strayWaits(file: string): StrayWait[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const beginnings = importedFrom(source, BEGINNINGS);
  const eventWaits = importedFrom(source, EVENT_WAITS);
  const found: StrayWait[] = [];
  const tell = (node: ts.Node, what: string): void => {
    found.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, what });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = calledName(node);
      if (TOOL.has(name)) return;
      if (beginnings.has(name)) tell(node, `${name}()`);
      if (eventWaits.has(name)) tell(node, `${name}()`);
    }
    if (ts.isNewExpression(node) && node.expression.getText() === 'Promise' && listens(node)) tell(node, 'new Promise');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The local names of these functions in a file; of a module that is imported as a whole or on demand, all it has. */
function importedFrom(source: ts.SourceFile, modules: Readonly<Record<string, readonly string[]>>): Set<string> {
  const names = new Set<string>();
  const take = (module: string, imported: string, local: string): void => {
    if (modules[module]?.includes(imported)) names.add(local);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const module = node.moduleSpecifier.text;
      const bindings = node.importClause?.namedBindings;
      if (bindings && ts.isNamedImports(bindings)) {
        for (const { propertyName, name } of bindings.elements) take(module, (propertyName ?? name).text, name.text);
      } else if (bindings) {
        for (const each of modules[module] ?? []) names.add(`${bindings.name.text}.${each}`);
      }
    }
    // const { connect } = await import('node:http2')
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name)) {
      const [, module = ''] = /\bimport\('([^']+)'\)/.exec(node.initializer?.getText() ?? '') ?? [];
      for (const { propertyName, name } of node.name.elements) {
        take(module, (propertyName ?? name).getText(), name.getText());
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function calledName({ expression }: ts.CallExpression): string {
  return expression.getText();
}

/** Whether a promise's executor listens to an emitter. */
function listens(promise: ts.NewExpression): boolean {
  let does = false;
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const [event] = node.arguments;
      if (LISTENING.has(node.expression.name.text) && event && ts.isStringLiteral(event)) does = true;
    }
    ts.forEachChild(node, visit);
  };
  promise.arguments?.forEach(visit);
  return does;
}
