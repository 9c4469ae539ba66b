/** The path to a value in a JSON document: member names and array positions, outermost first. */
export type Path = readonly (string | number)[];

/** An error in a flag, a segment or a part of one. It names members and never quotes their values. */
export interface Fault {
  /** Relative to the checked value. The publisher turns it into a JSON pointer. */
  readonly path: Path;
  readonly detail: string;
}

/** A fault at `path`, relative to the checked value. */
export const fault = (detail: string, ...path: Path): Fault => ({ path, detail });

/** A fault whose path starts at the surrounding value, `outer` being the path from there. */
export const faultWithin = ({ path, detail }: Fault, ...outer: Path): Fault => ({
  path: [...outer, ...path],
  detail,
});

/** A fault in one line, `targeting.rules[0].if: …`. */
export function faultText({ path, detail }: Fault): string {
  const where = path.map(segment).join("");
  return where === "" ? detail : `${where.replace(/^\./, "")}: ${detail}`;
}

function segment(name: string | number): string {
  if (typeof name === "number") return `[${name}]`;
  return /^[\w$-]{1,64}$/.test(name) ? `.${name}` : `[${quote(name)}]`;
}

/** A name as an error text shows it: quoted, and cut so that no payload gets into the text. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

/** The value that was read, or the problem with the input. A problem never quotes the input. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };
