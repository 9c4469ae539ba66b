import { parseSigningKeys, type SigningKey } from "../../shared/x-flags/signing-keys.ts";
import type { BindingReader } from "./bindings.ts";

/** The keys by which the worker signs: the first one signs, all verify. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

/**
 * Reads `SIGNING_KEYS`.
 *
 * @returns undefined when it is not set: nothing is signed; or when it is wrong, which is a problem then
 */
export function readSigningKeys(read: BindingReader): SigningKeys | undefined {
  return readKeys(read, "SIGNING_KEYS");
}

/** Reads a setting of keys. */
export function readKeys(
  read: BindingReader,
  name: "SIGNING_KEYS" | "OVERRIDE_KEYS",
): SigningKeys | undefined {
  if (!read.has(name)) return undefined;
  const text = read.text(name, "must be a text: kid:base64, several separated by commas", () => true);
  if (text === "") return undefined;
  const parsed = parseSigningKeys(text);
  if ("value" in parsed) return parsed.value;
  read.problems.push(`${name}: ${parsed.problem}`);
  return undefined;
}
