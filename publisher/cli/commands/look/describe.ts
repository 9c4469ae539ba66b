import { type Command, Option } from "commander";
import { FAIL_MODES } from "../../../../shared/flag/flag.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editFlag } from "../../edit/edit-flag.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { parseFlagKey } from "../../input/flag-key.ts";

interface Options extends JsonOption {
  readonly inHeader?: boolean;
  readonly clientVisible?: boolean;
  readonly failMode?: string;
}

export function addDescribe(program: Command, cli: Cli): void {
  program
    .command("describe")
    .description(
      "Change a flag's description, who is told of it, and what it is when the edge loses its snapshot.",
    )
    .argument("<key>", "the flag", parseFlagKey)
    .argument("[text]", 'the new description; "" for none')
    .option("--in-header", "named in x-flags, for the site behind the edge")
    .option("--no-in-header", "not named in x-flags")
    .option("--client-visible", "may be handed to browsers")
    .option("--no-client-visible", "may not be handed to browsers")
    .addOption(
      new Option("--fail-mode <mode>", "what it is when the edge loses its snapshot").choices(FAIL_MODES),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice describe ai_search "AI answers above the results"
  sluice describe ai_search --no-in-header --client-visible`,
    )
    .action(async (key: string, text: string | undefined, options: Options) => {
      const wished = wishesOf(text, options);
      if (wished.length === 0) {
        throw new CliError(EXIT.usage, "there is nothing to change", {
          mend: ["name a description, --in-header, --client-visible or --fail-mode"],
        });
      }
      const api = cli.api();
      let changed: readonly Wish[] = [];
      const answer = await editFlag(api, key, (flag) => {
        changed = wished.filter(({ member, value }) => flag[member] !== value);
        return changed.length === 0
          ? undefined
          : Object.fromEntries(changed.map(({ member, value }) => [member, value]));
      });
      await reportChange(cli, api, options, answer, {
        lines:
          changed.length === 0
            ? [`${key} is like that already: nothing was changed.`]
            : changed.map(({ says }) => `${key} ${says}.`),
      });
    });
}

/** A member that is to have a value, and how to say that it has. */
interface Wish {
  readonly member: "description" | "in_header" | "client_visible" | "fail_mode";
  readonly value: string | boolean;
  readonly says: string;
}

function wishesOf(text: string | undefined, options: Options): readonly Wish[] {
  const { inHeader, clientVisible, failMode } = options;
  const not = (is: boolean) => (is ? "" : "not ");
  return [
    ...(text === undefined
      ? []
      : [{ member: "description", value: text, says: "has a new description" } as const]),
    ...(inHeader === undefined
      ? []
      : [{ member: "in_header", value: inHeader, says: `is ${not(inHeader)}named in x-flags` } as const]),
    ...(clientVisible === undefined
      ? []
      : [
          {
            member: "client_visible",
            value: clientVisible,
            says: `may ${not(clientVisible)}be handed to browsers`,
          } as const,
        ]),
    ...(failMode === undefined
      ? []
      : [
          {
            member: "fail_mode",
            value: failMode,
            says: `is ${failMode === "off" ? "off" : "as it was last known"} when the edge loses its snapshot`,
          } as const,
        ]),
  ];
}
