/**
 * Deep equality of JSON values without conversion: types must be equal, lists are ordered, objects are not. The recursion is
 * only as deep as `expected`.
 */
export function jsonEquals(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return (actual ?? null) === expected;
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((item, index) => jsonEquals(actual[index], item))
    );
  }
  if (Array.isArray(actual)) return false;
  const names = Object.keys(expected);
  return (
    Object.keys(actual).length === names.length &&
    names.every(
      (name) =>
        Object.hasOwn(actual, name) &&
        jsonEquals((actual as Record<string, unknown>)[name], (expected as Record<string, unknown>)[name]),
    )
  );
}
