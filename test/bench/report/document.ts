const BEGIN = (name: string): string => `<!-- ${name}: written by make bench -->`;
const END = (name: string): string => `<!-- end of ${name} -->`;

/** The document with the block of that name replaced; throws when it has no place for one. */
export function withBlock(document: string, name: string, block: string): string {
  const from = document.indexOf(BEGIN(name));
  const to = document.indexOf(END(name));
  if (from < 0 || to < from) throw new Error(`the document has no block "${name}"`);
  return `${document.slice(0, from)}${BEGIN(name)}\n\n${block.trim()}\n\n${document.slice(to)}`;
}
