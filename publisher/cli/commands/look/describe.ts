import { type Command, Option } from "commander";
import { FAIL_MODES } from "../../../../shared/flag/flag.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editFlag } from "../../edit/edit-flag.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { flagCommand } from "../../input/flag-key.ts";

interface Options extends JsonOption {
  readonly inHeader?: boolean;
  readonly clientVisible?: boolean;
  readonly failMode?: string;
}

export function addDescribe(program: Command, cli: Cli): void {
  flagCommand(
    program,
    "describe",
    "Change a flag's description, its visibility, and its value without a snapshot.",
  )
    .argument("[text]", 'the new description; "" for none')
    .option("--in-header", "sent to the site in x-flags")
    .option("--no-in-header", "not sent in x-flags")
    .option("--client-visible", "may be sent to browsers")
    .option("--no-client-visible", "must not be sent to browsers")
    .addOption(
      new Option("--fail-mode <mode>", "its value when the edge has no fresh snapshot").choices(FAIL_MODES),
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
          fix: ["name a description, --in-header, --client-visible or --fail-mode"],
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
            ? [`${key} is already like this: nothing was changed.`]
            : changed.map(({ says }) => `${key} ${says}.`),
      });
    });
}

/** A member, its new value, and the text for the result. */
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
      : [{ member: "in_header", value: inHeader, says: `is ${not(inHeader)}sent in x-flags` } as const]),
    ...(clientVisible === undefined
      ? []
      : [
          {
            member: "client_visible",
            value: clientVisible,
            says: `may ${not(clientVisible)}be sent to browsers`,
          } as const,
        ]),
    ...(failMode === undefined
      ? []
      : [
          {
            member: "fail_mode",
            value: failMode,
            says: `is ${failMode === "off" ? "off" : "as last known"} when the edge has no fresh snapshot`,
          } as const,
        ]),
  ];
}
