import { CliError, EXIT } from "../cli-error.ts";
import { type Requirement, requirementInWords, requires } from "../words/flag-words.ts";

/** The members of a flag that matter for its prerequisites. */
export interface DependentFlag {
  readonly key: string;
  readonly requires: unknown;
}

/** The new prerequisites, and the changes in words. */
export interface RequiresChange {
  readonly requires: readonly Requirement[];
  /** Empty when nothing changes. */
  readonly lines: readonly string[];
}

/** @throws CliError for content that this command does not know, from SQL or a newer publisher */
export function readRequires(flag: DependentFlag): readonly Requirement[] {
  const parsed = requires.safeParse(flag.requires);
  if (parsed.success) return parsed.data;
  throw new CliError(EXIT.conflict, `what ${flag.key} needs is not valid`, {
    why: ["It contains something that this command does not know, from SQL or a newer publisher."],
    fix: ["repair them in Postgres, or update this command"],
  });
}

/** Replaces a prerequisite on the same flag, because a user has only one variant. */
export function addRequirements(flag: DependentFlag, added: readonly Requirement[]): RequiresChange {
  const before = readRequires(flag);
  const after = added.reduce<readonly Requirement[]>((all, one) => {
    const index = all.findIndex((other) => other.flag === one.flag);
    return index === -1 ? [...all, one] : all.with(index, one);
  }, before);
  const isThere = (one: Requirement) =>
    before.some((other) => other.flag === one.flag && other.variant === one.variant);
  return {
    requires: after,
    lines: added.filter((one) => !isThere(one)).map((one) => `+ ${requirementInWords(one)}`),
  };
}

export function removeRequirements(flag: DependentFlag, removed: readonly Requirement[]): RequiresChange {
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
    requires: before.filter((one) => !gone.includes(one)),
    lines: gone.map((one) => `- ${requirementInWords(one)}`),
  };
}
