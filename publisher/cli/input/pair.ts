import { InvalidArgumentError } from "commander";
import { KEY_PATTERN, MAX_WEIGHT } from "../../../shared/flag/flag.ts";
import { parseFlagKey, parseName } from "./flag-key.ts";

/** `key=weight` of a variant; the last of several with one key counts. */
export function collectWeights(
  text: string,
  previous: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const [key, weight] = split(text, "key=weight, like large=25");
  if (!/^\d{1,5}$/.test(weight) || Number(weight) > MAX_WEIGHT) {
    throw new InvalidArgumentError(
      `A weight must be a whole number from 0 to ${MAX_WEIGHT}; write it like large=25.`,
    );
  }
  return new Map([...previous, [parseName(key), Number(weight)]]);
}

/** `key=JSON` or `key=@FILE` of a variant, not yet read. */
export function collectValues(
  text: string,
  previous: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const [key, value] = split(text, `key=JSON or key=@FILE, like large='{"model": "large"}'`);
  return new Map([...previous, [parseName(key), value]]);
}

/** A prerequisite. */
export type Prerequisite = { readonly flag: string; readonly variant?: string };

/** `flag` or `flag=variant`. */
export function collectPrerequisites(
  text: string,
  previous: readonly Prerequisite[] = [],
): readonly Prerequisite[] {
  const equals = text.indexOf("=");
  if (equals === -1) return [...previous, { flag: parseFlagKey(text) }];
  const variant = text.slice(equals + 1);
  if (!KEY_PATTERN.test(variant)) {
    throw new InvalidArgumentError("Write flag or flag=variant, like copilot=beta.");
  }
  return [...previous, { flag: parseFlagKey(text.slice(0, equals)), variant }];
}

/** `key=on`, `key=off` or `key=variant` of an override; the last of several with one key counts. */
export function collectOverrides(
  text: string,
  previous: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const [key, forced] = split(text, "key=on, key=off or key=variant, like ai_search=on");
  if (!KEY_PATTERN.test(forced)) {
    throw new InvalidArgumentError("Write on, off or the key of a variant after the =, like ai_search=on.");
  }
  return new Map([...previous, [parseFlagKey(key), forced]]);
}

function split(text: string, form: string): readonly [key: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1 || equals === text.length - 1) throw new InvalidArgumentError(`Write ${form}.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
