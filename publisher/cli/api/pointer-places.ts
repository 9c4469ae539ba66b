import { visible } from "../terminal/visible.ts";
import { valueAt } from "./value-at.ts";

/** The option that sets a member, by the member's name. */
const OPTIONS: { readonly [member: string]: string } = {
  if: "--if",
  rollout_pct: "--rollout",
  variant: "--variant",
  off: "--off",
  bucket_by: "--bucket-by",
  id: "--id",
  description: "--description",
};

/** Says where in a list, or in a condition, a pointer points; `rest` are the steps below the place. */
type Place = (rest: readonly string[], sent: unknown, at: readonly string[]) => string;

/** By the steps to it; `*` is any step, and one of the list's items. */
const PLACES: readonly (readonly [path: readonly string[], place: Place])[] = [
  [["targeting", "rules", "*"], rulePlace],
  [["condition"], (rest) => `--if${below(rest)}:`],
  [["variants", "*"], variantPlace],
  [["requires", "*"], requirementPlace],
  [["contexts", "*"], ([...rest], _sent, at) => `--contexts: context ${nth(at)}${below(rest)}:`],
  [["flags", "*"], (_rest, sent, at) => `${overridePlace(sent, at)}:`],
  [["draft"], draftPlace],
];

/** Pointers into what has an item's name, in words: `--if of rule acme, at country:`; undefined for all others. */
export function namedPlace(steps: readonly string[], sent: unknown): string | undefined {
  const found = PLACES.find(([path]) =>
    path.every((step, index) => (step === "*" ? steps[index] !== undefined : steps[index] === step)),
  );
  if (found === undefined) return undefined;
  const [path, place] = found;
  return place(steps.slice(path.length), sent, steps.slice(0, path.length));
}

function rulePlace([member, ...rest]: readonly string[], sent: unknown, at: readonly string[]): string {
  const id = valueAt(sent, [...at, "id"]);
  const rule = typeof id === "string" ? `rule ${visible(id, 64)}` : `rule number ${nth(at)}`;
  if (member === undefined) return `${rule}:`;
  const option = OPTIONS[member] ?? visible(member, 60);
  const value = valueAt(sent, [...at, member]);
  const shown = typeof value === "string" ? ` "${visible(value, 60)}"` : "";
  return `${option}${shown} of ${rule}${rest.length === 0 ? "" : `,${below(rest)}`}:`;
}

function variantPlace([member, ...rest]: readonly string[], sent: unknown, at: readonly string[]): string {
  const key = valueAt(sent, [...at, "key"]);
  const variant = typeof key === "string" ? `variant ${visible(key, 64)}` : `variant number ${nth(at)}`;
  if (member === undefined) return `${variant}:`;
  return `the ${visible(member, 60)} of ${variant}${rest.length === 0 ? "" : `,${below(rest)}`}:`;
}

function requirementPlace(_rest: readonly string[], sent: unknown, at: readonly string[]): string {
  const flag = valueAt(sent, [...at, "flag"]);
  const variant = valueAt(sent, [...at, "variant"]);
  const name = typeof flag === "string" ? visible(flag, 64) : `number ${nth(at)}`;
  return `what it needs, ${name}${typeof variant === "string" ? `=${visible(variant, 64)}` : ""}:`;
}

/** As it was typed: `ai_search=on`. */
function overridePlace(sent: unknown, at: readonly string[]): string {
  const forced = valueAt(sent, at);
  return `${visible(at.at(-1) ?? "", 64)}${typeof forced === "string" ? `=${visible(forced, 64)}` : ""}`;
}

/** A draft is judged together with the rest of the flag, which nobody typed. */
function draftPlace(rest: readonly string[], sent: unknown, at: readonly string[]): string {
  const member = rest.slice(0, rest[0] === "targeting" ? 2 : 1);
  const isTyped = valueAt(sent, [...at, ...member]) !== undefined;
  return isTyped ? `--draft${below(rest)}:` : `the flag as it stands is not valid${below(rest)}:`;
}

/** Names with dots between them, as conditions write nested attributes. */
function below(steps: readonly string[]): string {
  return steps.length === 0 ? "" : ` at ${visible(steps.join("."), 200)}`;
}

/** Which of a list's items, from 1. */
function nth(at: readonly string[]): number {
  return Number(at.at(-1)) + 1;
}
