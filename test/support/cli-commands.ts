/** Every command that talks to the admin API about one flag, as it is rightly called: for tests that then spoil a part. */
export const KEYED_COMMANDS: readonly { readonly command: string; readonly rest: readonly string[] }[] = [
  { command: "create", rest: [] },
  { command: "target", rest: ["--allow", "u1"] },
  { command: "enable", rest: [] },
  { command: "rollout", rest: ["5"] },
  { command: "kill", rest: [] },
  { command: "archive", rest: [] },
  { command: "restore", rest: [] },
  { command: "delete", rest: ["--yes"] },
  { command: "show", rest: [] },
  { command: "explain", rest: ["--user", "u1"] },
  { command: "describe", rest: ["words"] },
  { command: "gate", rest: ["--add", "/a", "--status", "404"] },
];

/** Every command that talks to the admin API. */
export const API_COMMANDS: readonly (readonly string[])[] = [
  ...KEYED_COMMANDS.map(({ command, rest }) => [command, "ai_search", ...rest]),
  ["list"],
  ["status"],
];
