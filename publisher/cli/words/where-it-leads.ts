import type { ApiClient } from "../api/client.ts";
import { visible } from "../terminal/visible.ts";
import { actionInWords, type Gate } from "./flag-words.ts";

/**
 * What whoever a gate turns away meets next, where that is not just the page that it names: gates are asked again there.
 * Asked only after the gate was made, and only to tell people: no fault of this may hide that it was.
 */
export async function whereItLeads(api: ApiClient, { otherwise }: Gate): Promise<readonly string[]> {
  const target =
    "rewrite" in otherwise
      ? otherwise.rewrite
      : "redirect" in otherwise
        ? otherwise.redirect
        : otherwise.page;
  if (target === undefined) return [];
  try {
    const { body } = await api.testGates(target, undefined, {});
    const closing = body.steps[0]?.gates.find(({ decided }) => decided);
    if (closing === undefined) return [];
    const { flag_key: flag, pattern, otherwise: next } = closing;
    return [
      `${visible(target)} is gated, too: where ${visible(flag, 64)} is off as well, its gate for ${visible(pattern)} ` +
        `${actionInWords(next)}.`,
    ];
  } catch {
    return [];
  }
}
