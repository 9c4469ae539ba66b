import { CliError, EXIT } from "../cli-error.ts";
import { type Requirement, requirementInWords, requires } from "../words/flag-words.ts";

/** A flag as far as its prerequisites go. */
export interface DependentFlag {
  readonly key: string;
  readonly requires: unknown;
}

/** The prerequisites to send, and what to say of them. */
export interface RequiresChange {
  readonly requires: readonly Requirement[];
  /** None: nothing is to change. */
  readonly lines: readonly string[];
}

/** @throws CliError when plain SQL, or a newer publisher, put in what cannot be edited */
export function readRequires(flag: DependentFlag): readonly Requirement[] {
  const parsed = requires.safeParse(flag.requires);
  if (parsed.success) return parsed.data;
  throw new CliError(EXIT.conflict, `what ${flag.key} needs is not valid as it is`, {
    why: ["Plain SQL, or a newer publisher, put something in that this command does not know."],
    mend: ["mend it where it came from"],
  });
}

/** Takes the place of one on the same flag: a flag has one variant at a time. */
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
      why: [words.length === 0 ? "It needs no other flag." : `It needs ${words.join(", ")}.`],
      mend: [`\`sluice require list ${flag.key}\` shows them`],
    });
  }
  const gone = before.filter((one) => removed.some((wanted) => fits(one, wanted)));
  return {
    requires: before.filter((one) => !gone.includes(one)),
    lines: gone.map((one) => `- ${requirementInWords(one)}`),
  };
}
