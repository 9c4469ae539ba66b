/**
 * Every command that talks to the admin API about one flag, as it is rightly called: for tests that then spoil a part.
 * Of a command below another, `command` has both words.
 */
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
  { command: "rule list", rest: [] },
  { command: "rule add", rest: ["--if", "{}", "--off"] },
  { command: "rule set", rest: ["a", "--off"] },
  { command: "rule remove", rest: ["a"] },
  { command: "rule move", rest: ["a", "--first"] },
  { command: "variant list", rest: [] },
  { command: "variant set", rest: ["a=1"] },
  { command: "variant remove", rest: ["a"] },
  { command: "bucket", rest: ["--by", "organization"] },
  { command: "require list", rest: [] },
  { command: "require add", rest: ["other"] },
  { command: "require remove", rest: ["other"] },
];

/** Those that take any number of arguments. */
export const OPEN_ENDED: ReadonlySet<string> = new Set([
  "rule remove",
  "variant set",
  "variant remove",
  "require add",
  "require remove",
]);

/** Every command that talks to the admin API. */
export const API_COMMANDS: readonly (readonly string[])[] = [
  ...KEYED_COMMANDS.map(({ command, rest }) => [...command.split(" "), "ai_search", ...rest]),
  ["explain", "--all"],
  ["gate", "test", "/ai"],
  ["segment", "list"],
  ["segment", "show", "testers"],
  ["segment", "create", "testers", "--id", "u1"],
  ["segment", "set", "testers", "--description", "words"],
  ["segment", "add", "testers", "u1"],
  ["segment", "remove", "testers", "u1"],
  ["segment", "delete", "testers", "--yes"],
  ["override", "ai_search=on", "--edge", "https://www.example.com"],
  ["list"],
  ["status"],
];
