import { DEFAULT_BUCKET_BY } from "../../../shared/flag/flag.ts";
import type { Flag } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";
import { variants } from "./variant-words.ts";

/** Whom a flag with variants leaves out that its lists and rules let in: variants are drawn by its attribute. */
export function drawHints(flag: Pick<Flag, "bucket_by" | "variants">): readonly string[] {
  const { bucket_by: by } = flag;
  // The only one that anybody gets needs no place.
  const isDrawn =
    (variants.safeParse(flag.variants).data ?? []).filter(({ weight }) => weight > 0).length > 1;
  if (!isDrawn || by === DEFAULT_BUCKET_BY) return [];
  return [
    `Its variants are drawn by ${visible(by, 128)}: whoever lacks it is out, also on the allowlist, as an employee or by a rule of 100 %; only a rule that names a variant lets them in.`,
  ];
}
