import { parseDictionary, type Dictionary } from "structured-headers";

/** A member of a Dictionary; or why there is none to be believed. */
export type SoleMember =
  | { readonly member: Dictionary extends ReadonlyMap<string, infer Member> ? Member : never }
  | { readonly found: "none" | "several" | "malformed" };

/** Texts between commas that stand outside of quotes; one pass, whatever is in them. */
const PIECES = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

const KEY = /^[ \t]*([a-z*][a-z0-9_.*-]*)/;

/**
 * Finds the one member of a Dictionary that has this label. Other people's members beside it may be anything; RFC 9651
 * would let the last of several count, and a signature that is there twice is nobody's (RFC 9421, section 4.1).
 */
export function findSoleMember(header: string, label: string): SoleMember {
  const pieces = (header.match(PIECES) ?? []).filter((piece) => KEY.exec(piece)?.[1] === label);
  const [piece] = pieces;
  if (piece === undefined) return { found: "none" };
  if (pieces.length > 1) return { found: "several" };
  try {
    const member = parseDictionary(piece.trim()).get(label);
    return member === undefined ? { found: "malformed" } : { member };
  } catch {
    return { found: "malformed" };
  }
}
