import { randomUUID } from 'node:crypto';
import type { Pieces } from '../work/pieces';
import { stringifyJson } from './json';

/** What of a list is written in one piece: items, or characters of their texts, each of which may become six bytes. */
const ITEMS = 1024;
const CHARACTERS = 128 * 1024;

type List = readonly unknown[];

/** The bytes of `stringifyJson(value)`. What makes a document long are its lists: those are written some items in a piece. */
export function* jsonPieces(value: unknown): Pieces<Buffer> {
  const mark = randomUUID();
  const lists: List[] = [];
  const outline = withoutLists(value, (list) => `${mark}${lists.push(list) - 1}`);
  if (lists.length === 0) return Buffer.from(stringifyJson(value));
  const parts: Buffer[] = [];
  for (const [at, text] of stringifyJson(outline)
    .split(new RegExp(`"${mark}(\\d+)"`))
    .entries()) {
    if (at % 2 === 0) parts.push(Buffer.from(text));
    else yield* listPieces(lists[Number(text)] ?? [], parts);
  }
  return Buffer.concat(parts);
}

function* listPieces(list: List, parts: Buffer[]): Pieces<void> {
  for (let from = 0; from < list.length; ) {
    yield;
    const end = endOfPiece(list, from);
    const text = stringifyJson(list.slice(from, end)).slice(1, -1);
    parts.push(Buffer.from(`${from === 0 ? '[' : ','}${text}${end === list.length ? ']' : ''}`));
    from = end;
  }
}

/** The document with what `replace` answers for each list that is no single piece. */
function withoutLists(value: unknown, replace: (list: List) => unknown): unknown {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutLists(member, replace)]));
  }
  return endOfPiece(value, 0) < value.length ? replace(value) : value.map((item) => withoutLists(item, replace));
}

/** Where the piece of a list that begins at `from` ends. */
function endOfPiece(list: List, from: number): number {
  let characters = 0;
  for (let at = from; at < list.length; at++) {
    if (at - from >= ITEMS || characters >= CHARACTERS) return at;
    characters += charactersOf(list[at]);
  }
  return list.length;
}

/** Of a text, or of the texts that an object has. */
function charactersOf(item: unknown): number {
  if (typeof item === 'string') return item.length;
  if (typeof item !== 'object' || item === null) return 0;
  return Object.values(item).reduce<number>((sum, each) => sum + (typeof each === 'string' ? each.length : 0), 0);
}
