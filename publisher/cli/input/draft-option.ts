import type { TypedWords } from "../api/pointer-words.ts";
import type { Cli } from "../cli.ts";
import { readJsonObject } from "./text/json-text.ts";

/** What is to change of a flag, as a JSON merge patch. */
export type Draft = Readonly<Record<string, unknown>>;

const EXAMPLE = `'{"targeting": {"plans": ["pro"]}}'`;

/** Reads what `--draft` names: JSON itself, a file of it, or `-`. */
export function readDraft(cli: Cli, given: string): Promise<Draft> {
  return readJsonObject(cli, "--draft", given, EXAMPLE);
}

/** What was typed for members that options set, too: the draft itself, unless an option won over it. */
export function typedDraft({
  rollout,
  enable,
  disable,
}: {
  readonly rollout?: number;
  readonly enable?: boolean;
  readonly disable?: boolean;
}): TypedWords {
  return {
    ...(rollout === undefined && { "/draft/rollout_pct": "--draft at rollout_pct:" }),
    ...(enable !== true && disable !== true && { "/draft/enabled": "--draft at enabled:" }),
  };
}
