/**
 * Who asks: OpenFeature's evaluation context. Attributes are camelCase and come from verified sources alone;
 * what a client merely claims is never in here. The empty string counts as missing everywhere.
 */
export interface EvaluationContext {
  /** The user id, else the anonymous id. */
  readonly targetingKey?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly plan?: string;
  readonly isEmployee?: boolean;
  readonly email?: string;
  readonly organization?: string;
  readonly country?: string;
}

/** The longest id or attribute that is taken, in UTF-16 units; a longer one is a mistake or an attack. */
export const MAX_ATTRIBUTE_LENGTH = 256;

type AttributeType = "string" | "boolean";

const ATTRIBUTES: { readonly [Name in keyof EvaluationContext]-?: AttributeType } = {
  targetingKey: "string",
  userId: "string",
  anonymousId: "string",
  plan: "string",
  isEmployee: "boolean",
  email: "string",
  organization: "string",
  country: "string",
};

/**
 * Takes a decoded JSON value for an evaluation context, without its targeting key, which is derived.
 *
 * @returns the context, or what is wrong with it (never its values: they may be personal data). Unknown attributes
 * are left out: they cannot widen anything, since targeting that names an unknown attribute is off.
 */
export function parseContext(
  value: unknown,
): { readonly context: EvaluationContext } | { readonly problem: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: "the evaluation context must be a JSON object" };
  }
  const context: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(value)) {
    if (!Object.hasOwn(ATTRIBUTES, name) || attribute === null || attribute === "") continue;
    const expected = ATTRIBUTES[name as keyof EvaluationContext];
    if (typeof attribute !== expected) return { problem: `attribute "${name}" must be a ${expected}` };
    if (typeof attribute === "string" && attribute.length > MAX_ATTRIBUTE_LENGTH) {
      return { problem: `attribute "${name}" is longer than ${MAX_ATTRIBUTE_LENGTH} characters` };
    }
    context[name] = attribute;
  }
  return { context: withTargetingKey(context) };
}

/** Sets `targetingKey` from the ids, whatever was in it before. */
export function withTargetingKey(context: EvaluationContext): EvaluationContext {
  const { targetingKey: _given, ...attributes } = context;
  const targetingKey = attributes.userId || attributes.anonymousId;
  return targetingKey ? { ...attributes, targetingKey } : attributes;
}
