import { visible } from "../terminal/visible.ts";

/**
 * Where a fault is: the API's pointer, the typed option or argument of that name, and the value there.
 *
 * @param typed options as `--if`, arguments as `<key>`
 *
 * @example
 * locateFault("/targeting/rules/0/variant", sent, ["--variant"]); // '/targeting/rules/0/variant (--variant of acme) "x"'
 */
export function locateFault(pointer: string, sent: unknown, typed: readonly string[]): string {
  if (pointer === "") return "the request";
  const isPointer = pointer.startsWith("/");
  const steps = isPointer ? pointer.slice(1).split("/").map(unescape) : [pointer];
  const word = typed.find((one) =>
    one.startsWith("<") ? one === `<${steps.join("/")}>` : steps.some((step) => isOption(one, step)),
  );
  if (!isPointer) return word ?? visible(pointer, 80);

  let value = sent;
  let owner: string | undefined;
  for (const step of steps) {
    value = member(value, step);
    // The position of a rule or a variant says little to its author.
    const name = /^\d+$/.test(step) ? (member(value, "id") ?? member(value, "key")) : undefined;
    if (typeof name === "string") owner = visible(name, 64);
  }
  const notes =
    value === undefined
      ? ["not set by this command"]
      : [...(word === undefined ? [] : [word]), ...(owner === undefined ? [] : [`of ${owner}`])];
  const place = visible(pointer, 200) + (notes.length === 0 ? "" : ` (${notes.join(" ")})`);
  return typeof value === "string" ? `${place} "${visible(value, 60)}"` : place;
}

/** RFC 6901. */
function unescape(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function isOption(word: string, step: string): boolean {
  return word === `--${step.replaceAll("_", "-")}`;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
