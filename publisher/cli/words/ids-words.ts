import { visible } from "../terminal/visible.ts";

/** A few of many ids: `u1, u2 and 8 more`. */
export function idsInWords(ids: readonly string[], maximum: number): string {
  if (ids.length === 0) return "-";
  const shown = ids.slice(0, maximum).map((id) => visible(id, 80));
  const more = ids.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
