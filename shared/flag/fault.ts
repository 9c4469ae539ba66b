/** Where in a JSON document something is: names of members and positions in arrays, from the outside in. */
export type Path = readonly (string | number)[];

/** What is wrong with a flag, a segment or a part of one. It names members, never their contents. */
export interface Fault {
  /** Seen from what was judged: the publisher makes a JSON pointer of it. */
  readonly path: Path;
  readonly detail: string;
}

/** A fault at `path`, seen from the value that is being judged. */
export const fault = (detail: string, ...path: Path): Fault => ({ path, detail });

/** The same fault, seen from the value around the one that was judged. */
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

/** The value that was read, or what is wrong with the input. A problem never quotes the content. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };
