/** The part of a variant that the header carries. */
interface NamedVariant {
  readonly key: string;
  readonly value?: unknown;
}

/**
 * The member of `x-flags` for a flag that is on: its key, with the variant (`v`) and the variant's JSON value (`val`) as
 * RFC 9651 parameters. Keys need no escaping.
 *
 * @example
 * encodeMember("copilot", { key: "beta", value: { model: "large" } }) // copilot;v="beta";val="{\"model\":\"large\"}"
 */
export function encodeMember(flagKey: string, variant?: NamedVariant): string {
  if (variant === undefined) return flagKey;
  const { key, value } = variant;
  return `${flagKey};v="${key}"${value === undefined ? "" : `;val=${encodeValue(value)}`}`;
}

/** A JSON value as an sf-string. Characters beyond ASCII become JSON's \u escapes. */
function encodeValue(value: unknown): string {
  const json = JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${json.replace(/["\\]/g, "\\$&")}"`;
}
