import type { Flag } from "../api/answers.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { type Requirement, requirementInWords, requires as requiresShape } from "../words/flag-words.ts";
import type { PartChange } from "./edit-flag.ts";
import { readPart } from "./read-part.ts";

export function readRequires({ key, requires }: Flag): readonly Requirement[] {
  return readPart(requiresShape, requires, `what ${key} needs is not valid`);
}

/** Replaces a prerequisite on the same flag, because a user has only one variant. */
export function addRequirements(flag: Flag, added: readonly Requirement[]): PartChange {
  const before = readRequires(flag);
  const after = added.reduce<readonly Requirement[]>((all, one) => {
    const index = all.findIndex((other) => other.flag === one.flag);
    return index === -1 ? [...all, one] : all.with(index, one);
  }, before);
  const isThere = (one: Requirement) =>
    before.some((other) => other.flag === one.flag && other.variant === one.variant);
  return {
    patch: { requires: after },
    lines: added.filter((one) => !isThere(one)).map((one) => `+ ${requirementInWords(one)}`),
  };
}

export function removeRequirements(flag: Flag, removed: readonly Requirement[]): PartChange {
  const before = readRequires(flag);
  const fits = (one: Requirement, wanted: Requirement) =>
    one.flag === wanted.flag && (wanted.variant === undefined || wanted.variant === one.variant);
  const missing = removed.find((wanted) => !before.some((one) => fits(one, wanted)));
  if (missing !== undefined) {
    const words = before.map(requirementInWords);
    throw new CliError(EXIT.notFound, `${flag.key} does not need ${requirementInWords(missing)}`, {
      why: [words.length === 0 ? "The flag needs no other flag." : `It needs ${words.join(", ")}.`],
      fix: [`\`sluice require list ${flag.key}\` shows them`],
    });
  }
  const gone = before.filter((one) => removed.some((wanted) => fits(one, wanted)));
  return {
    patch: { requires: before.filter((one) => !gone.includes(one)) },
    lines: gone.map((one) => `- ${requirementInWords(one)}`),
  };
}
