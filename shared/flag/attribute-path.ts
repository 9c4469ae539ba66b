/** The longest path to an attribute, in UTF-16 units. */
export const MAX_PATH_LENGTH = 128;

/** Names joined by dots; a "$" in front would read like an operator. */
const PATH_PATTERN = /^(?!\$)[^\s.\p{Cc}]+(?:\.[^\s.\p{Cc}]+)*$/u;

/** Finds one attribute; null when it is not there. */
export type AttributeReader = (scope: unknown) => unknown;

/**
 * Prepares a dotted path such as `organization.plan`, or `teams.0` for the first item of a list. What JSON holds is found,
 * never what JavaScript adds to it: `constructor` is missing unless somebody sent it, and so is a list's `length`.
 *
 * @returns undefined when the path is none
 */
export function attributeReader(path: string): AttributeReader | undefined {
  if (path.length > MAX_PATH_LENGTH || !PATH_PATTERN.test(path)) return undefined;
  const names = path.split(".");
  if (names.length === 1) return (scope) => ownMember(scope, path);
  return (scope) => {
    let found = scope;
    for (const name of names) found = ownMember(found, name);
    return found;
  };
}

function ownMember(scope: unknown, name: string): unknown {
  if (typeof scope !== "object" || scope === null || !Object.hasOwn(scope, name)) return null;
  if (Array.isArray(scope) && name === "length") return null;
  return (scope as Record<string, unknown>)[name] ?? null;
}
