import { OciError } from '../oci-error';

/** A number, a range, a range with a pattern (`used/of`), or all: what the kernel's `bitmap_parselist` reads. `N` is the last one. */
const ITEM = /^(?:all|(\d+|N)(?:-(\d+|N)(?::\d+\/\d+)?)?)$/i;

/** Throws an OciError for a list of CPUs or memory nodes, such as `0-3,8`, that no kernel could read. */
export function checkCpuList(list: string, field: string): void {
  for (const item of list.split(/[\s,]+/).filter(Boolean)) {
    const [whole, from, to] = ITEM.exec(item) ?? [];
    if (whole === undefined) throw new OciError(field, `${JSON.stringify(item)} is neither a number nor a range`);
    if (Number(from) > Number(to)) throw new OciError(field, `the range ${item} ends before it begins`);
  }
}
