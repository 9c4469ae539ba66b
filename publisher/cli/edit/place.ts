import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-code.ts";
import { visible } from "../terminal/visible.ts";

/** Where a rule is to stand: rules are asked in order, and the first that matches decides. */
export type Place =
  | { readonly at: "first" | "last" }
  | { readonly at: "before" | "after"; readonly id: string };

/** The options that name a place. */
export interface PlaceOptions {
  readonly first?: boolean;
  readonly last?: boolean;
  readonly before?: string;
  readonly after?: string;
}

/**
 * The one place that options name.
 *
 * @returns undefined when they name none
 * @throws CliError when they name several
 */
export function placeOf({ first, last, before, after }: PlaceOptions): Place | undefined {
  const places: readonly Place[] = [
    ...(first === true ? [{ at: "first" } as const] : []),
    ...(last === true ? [{ at: "last" } as const] : []),
    ...(before === undefined ? [] : [{ at: "before", id: before } as const]),
    ...(after === undefined ? [] : [{ at: "after", id: after } as const]),
  ];
  if (places.length <= 1) return places[0];
  throw new CliError(EXIT.usage, `${places.map(({ at }) => `--${at}`).join(" and ")} name different places`, {
    mend: ["choose one of them"],
  });
}

/** Puts an item at a place among others, which it is not one of. */
export function insertAt<Item extends { readonly id: string }>(
  items: readonly Item[],
  item: Item,
  place: Place,
  missing: (id: string) => CliError,
): readonly Item[] {
  if (!("id" in place)) return place.at === "first" ? [item, ...items] : [...items, item];
  if (place.id === item.id) {
    throw new CliError(EXIT.usage, `--${place.at} ${visible(place.id, 64)} names the rule itself`, {
      mend: ["name another one"],
    });
  }
  const index = items.findIndex(({ id }) => id === place.id);
  if (index === -1) throw missing(place.id);
  return items.toSpliced(place.at === "before" ? index : index + 1, 0, item);
}
