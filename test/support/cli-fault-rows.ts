import { KEYED_COMMANDS, OPEN_ENDED } from "./cli-commands.ts";

/** One command line with one fault. */
export interface FaultRow {
  readonly fault: string;
  readonly args: readonly string[];
  readonly code: number;
  /** What standard error has to say. */
  readonly says: RegExp;
  readonly input?: string | Uint8Array;
}

/** What is no key, and what has to be said of it. */
const KEYS: readonly (readonly [fault: string, key: string, says: RegExp])[] = [
  ["an empty key", "", /A key must not be empty/],
  [
    "a key in capitals",
    "AI_search",
    /It contains "A" \(U\+0041\)\. A key must begin with a lower-case letter/,
  ],
  ["a key that begins with a digit", "1st", /It begins with "1"/],
  ["a blank in a key", "ai search", /\(U\+0020\)/],
  ["a Cyrillic look-alike", "аi_search", /It contains "а" \(U\+0430\)/],
  ["a full-width look-alike", "ａi_search", /\(U\+FF41\)/],
  ["a combining mark", "ai_se\u0301arch", /\(U\+0301\)/],
  ["a zero-width space", "ai\u200b_search", /\(U\+200B\)/],
  ["text that runs from right to left", "ai\u202e_search", /It contains "\\u\{202e\}" \(U\+202E\)/],
  ["NUL in a key", "ai\0_search", /It contains "\\u\{0\}" \(U\+0000\)/],
  ["an escape sequence in a key", "ai\u001b[2J", /It contains "\\u\{1b\}" \(U\+001B\)/],
  ["half a character in a key", "ai\ud800", /It contains "\\u\{d800\}" \(U\+D800\)/],
  ["SQL in a key", "x'; DROP TABLE feature_flags;--", /\(U\+0027\)/],
  ["__proto__ for a key", "__proto__", /It begins with "_"/],
  ["a path for a key", "../status", /\(U\+002E\)/],
  ["a key that is too long", "a".repeat(65), /A key must have at most 64 characters/],
];

const keyRows: readonly FaultRow[] = KEYED_COMMANDS.flatMap(({ command, rest }) => [
  { fault: "no key", args: command.split(" "), code: 2, says: /^error: missing required argument 'key'$/m },
  ...KEYS.map(([fault, key, says]) => ({
    fault,
    args: [...command.split(" "), key, ...rest],
    code: 2,
    says,
  })),
  ...(OPEN_ENDED.has(command)
    ? []
    : [
        {
          fault: "an argument too many",
          args: [...command.split(" "), "ai_search", ...rest, "more", "and-more"],
          code: 2,
          says: /^error: too many arguments/m,
        },
      ]),
  {
    fault: "an option that it does not know",
    args: [...command.split(" "), "ai_search", ...rest, "--force"],
    code: 2,
    says: /^error: unknown option '--force'$/m,
  },
]);

const absentRows: readonly FaultRow[] = KEYED_COMMANDS.filter(({ command }) => command !== "create").map(
  ({ command, rest }) => ({
    fault: "a flag that is not there",
    args: [...command.split(" "), "ai_serch", ...rest],
    code: 3,
    says: /^error: there is no flag ai_serch\n {2}-> did you mean ai_search\?\n/,
  }),
);

const percentRows: readonly FaultRow[] = [
  ["25,5", /Use a point for decimals/],
  ["25.001", /at most two decimals/],
  ["101", /from 0 to 100/],
  ["100.01", /from 0 to 100/],
  ["-1", /from 0 to 100/],
  ["-0", /from 0 to 100/],
  ["1e1", /This is not a percentage/],
  ["1e-9", /This is not a percentage/],
  ["NaN", /This is not a percentage/],
  ["Infinity", /This is not a percentage/],
  ["0x10", /This is not a percentage/],
  ["٢٥", /This is not a percentage/],
  ["", /This is not a percentage/],
  ["25 %%", /This is not a percentage/],
  ["half", /This is not a percentage/],
].map(([percent = "", says]) => ({
  fault: `${JSON.stringify(percent)} for a percentage`,
  args: ["rollout", "ai_search", percent as string],
  code: 2,
  says: new RegExp(`${(says as RegExp).source}.* Write it like 25, 25% or 0\\.5\\.`),
}));

/** One row for each of: what is wrong, the command line after its key, its message. */
function rows(
  command: string,
  code: number,
  faults: readonly (readonly [
    fault: string,
    rest: readonly string[],
    says: RegExp,
    input?: string | Uint8Array,
  ])[],
): FaultRow[] {
  return faults.map(([fault, rest, says, input]) => ({
    fault,
    args: [command, "ai_search", ...rest],
    code,
    says,
    ...(input !== undefined && { input }),
  }));
}

const long = (length: number): string => "x".repeat(length);

const valueRows: readonly FaultRow[] = [
  ...rows("rollout", 2, [["no percentage", [], /missing required argument 'percent'/]]),
  ...rows("create", 4, [["a key that is taken", [], /a flag with this key exists already/]]),
  ...rows("describe", 2, [
    ["no text", [], /there is nothing to change/],
    ["too long a text", [long(1_001)], /^error: \/description "x+…": must have at most 1000 characters$/m],
    [
      "a control character",
      ["a\u001b[2Jb"],
      /^error: \/description "a\\u\{1b\}\[2Jb": contains a control character: remove it$/m,
    ],
    ["NUL", ["a\0b"], /contains a control character/],
    ["half a character", ["a\ud800"], /contains a lone surrogate/],
  ]),
  ...rows("target", 2, [
    ["nothing to change", [], /^error: there is nothing to change$/m],
    ["an option without its value", ["--allow"], /option '--allow <id>' argument missing/],
    ["an option in place of an id", ["--allow", "--move"], /The value looks like an option/],
    ["an empty id", ["--allow", ""], /An item is empty/],
    ["an empty id among others", ["--deny", "u1,,u2"], /An item is empty/],
    ["a blank too many", ["--allow", "u1, u2"], /begins or ends with white space/],
    ["bytes that are no UTF-8", ["--allow", "u\ufffd"], /is not UTF-8/],
    [
      "an anonymous id",
      ["--allow", "anon-x"],
      /^error: \/targeting\/allowlist\/0 "anon-x": must not begin with "anon-"/m,
    ],
    [
      "NUL in an id",
      ["--allow", "u\0"],
      /\/targeting\/allowlist\/0 "u\\u\{0\}": contains a control character/,
    ],
    [
      "too long an id",
      ["--allow", long(257)],
      /\/targeting\/allowlist\/0 "x+…": must have at most 256 characters/,
    ],
    ["an id on both lists", ["--allow", "u1", "--deny", "u1"], /--allow and --deny both name u1/],
    ["an id to add and to take off", ["--deny", "u1", "--unlist", "u1"], /--deny and --unlist both name u1/],
    ["a plan to add and to take off", ["--plan", "p", "--no-plan", "p"], /--plan and --no-plan both name p/],
    [
      "a file that is not there",
      ["--allow-file", "/nowhere/ids"],
      /\/nowhere\/ids cannot be read\n {2}The file does not exist/,
    ],
    ["a folder for a file", ["--deny-file", "/"], /--deny-file: \/ cannot be read\n {2}It is a directory/],
    ["standard input twice", ["--allow-file", "-", "--deny-file", "-"], /cannot both read standard input/],
    [
      "a file in another encoding",
      ["--allow-file", "-"],
      /standard input is not UTF-8/,
      Buffer.from("M\xfcller\n", "latin1"),
    ],
    [
      "a line with a blank at its end",
      ["--allow-file", "-"],
      /line 2 of standard input is not an id/,
      "u1\nu2 \n",
    ],
    [
      "NUL in a file",
      ["--allow-file", "-"],
      /\/targeting\/allowlist\/0 "u\\u\{0\}1": contains a control character/,
      "u\u00001\n",
    ],
    [
      "an id that is on both files",
      ["--allow-file", "-", "--deny", "u2"],
      /--allow and --deny both name u2/,
      "u1\nu2\n",
    ],
  ]),
  ...rows("gate", 2, [
    ["no answer", ["--add", "/ai/*"], /--add needs an action for visitors without the flag/],
    ["no pages", ["--rewrite", "/classic"], /need --add/],
    ["two answers", ["--add", "/a", "--rewrite", "/b", "--redirect", "/c"], /--rewrite cannot be combined/],
    ["a status that is none", ["--add", "/a", "--status", "abc"], /Write an HTTP status like 404/],
    ["a status that no gate has", ["--add", "/a", "--status", "200"], /choose 403, 404 or 410/],
    [
      "a status that no redirect has",
      ["--add", "/a", "--redirect", "/", "--status", "404"],
      /choose 302, 303 or 307/,
    ],
    [
      "a pattern without a slash",
      ["--add", "ai", "--status", "404"],
      /^error: \/gates\/0\/pattern "ai": must begin with \/$/m,
    ],
    [
      "a pattern with a group",
      ["--add", "/(a|b)", "--status", "404"],
      /^error: \/gates\/0\/pattern "\/\(a\|b\)": must not contain/m,
    ],
    [
      "a page of another site",
      ["--add", "/a", "--rewrite", "//evil.example"],
      /must be a path that begins with one \//,
    ],
    ["a redirect to itself", ["--add", "/a/*", "--redirect", "/a/b"], /the redirect would never end/],
    ["a page without a status", ["--add", "/a", "--rewrite", "/b", "--page", "/c"], /--page needs --status/],
    [
      "a page beside a redirect",
      ["--add", "/a", "--redirect", "/b", "--status", "302", "--page", "/c"],
      /--page needs --status/,
    ],
    [
      "a status's page of another site",
      ["--add", "/a", "--status", "404", "--page", "//evil.example"],
      /^error: \/gates\/0\/otherwise\/page \(--page\) "\/\/evil.example": must be a path/m,
    ],
    ["a list and a change", ["--list", "--remove", "/a"], /--list cannot be combined with/],
  ]),
  ...rows("gate", 3, [
    ["a gate that is not there", ["--remove", "/nope"], /ai_search has no gate for \/nope/],
  ]),
  ...rows("explain", 2, [
    [
      "JSON that is none",
      ["--context", '{"userId": secret}'],
      /^error: --context is not JSON at column 12\n {2}-> write it like '\{"userId": "u1"\}'\n$/,
    ],
    ["JSON that is no object", ["--context", "[1]"], /--context is not a JSON object/],
    [
      "quotes that the shell has taken",
      ["--context", "{userId: u1}"],
      /-> the shell removed the quotes: put the whole value in single quotes/,
    ],
    [
      "JSON that ends too early",
      ["--context", "-"],
      /at line 1, column 12\n {2}It ends too early/,
      '{"userId": ',
    ],
    ["an empty file", ["--context", "-"], /standard input is not JSON .*\n {2}It is empty/],
    ["JSON in a file that is no object", ["--context", "-"], /--context is not a JSON object/, "null"],
    [
      "JSON without an end",
      ["--context", "-"],
      /is nested deeper than 64/,
      `${"[".repeat(9e4)}${"]".repeat(9e4)}`,
    ],
    ["too large a file", ["--context", "-"], /standard input is larger than 1 MiB/, "x".repeat(1_048_577)],
    ["a file that is not there", ["--context", "/nowhere/context"], /\/nowhere\/context cannot be read/],
    ["an attribute without a value", ["--attribute", "country"], /Write name=value, like country=DE/],
    ["an attribute without a name", ["--attribute", "=DE"], /Write name=value, like country=DE/],
    [
      "an attribute that no condition could name",
      ["--attribute", "a..b=1"],
      /with dots between nested names/,
    ],
    ["__proto__ for an attribute", ["--attribute", "__proto__.x=1"], /cannot have the name __proto__/],
    [
      "a member of what is no object",
      ["--attribute", "country=DE", "--attribute", "country.code=1"],
      /--attribute country\.code sets a member of a value that is not an object/,
    ],
    ["one flag and all of them", ["--all"], /ai_search and --all cannot be combined/],
    [
      "a number for a user id",
      ["--context", '{"userId":5}'],
      /^error: \/context\/userId \(--context\): must be a string/m,
    ],
    [
      "a text for a yes",
      ["--context", '{"isEmployee":"yes"}'],
      /^error: \/context\/isEmployee \(--context\) "yes": must be true or false$/m,
    ],
    [
      "__proto__ in the context",
      ["--context", '{"__proto__":{}}'],
      /^error: \/context\/__proto__.*: cannot be used/m,
    ],
    [
      "NUL in an id",
      ["--context", String.raw`{"userId":"a\u0000"}`],
      /^error: \/context\/userId \(--context\) "a\\u\{0\}": contains a control/m,
    ],
  ]),
  ...rows("delete", 2, [
    ["nobody to ask", [], /deleting ai_search needs --yes here\n {2}There is no terminal/],
  ]),
];

const otherRows: readonly FaultRow[] = [
  {
    fault: "a command that does not exist",
    args: ["lst"],
    code: 2,
    says: /unknown command 'lst'\n\(Did you mean list\?\)/,
  },
  { fault: "help on what does not exist", args: ["help", "nope"], code: 2, says: /unknown command 'nope'/ },
  {
    fault: "--help on what does not exist",
    args: ["nope", "--help"],
    code: 2,
    says: /unknown command 'nope'/,
  },
  { fault: "nothing at all", args: [], code: 2, says: /^Usage: sluice/ },
  {
    fault: "a sort order that does not exist",
    args: ["list", "--sort", "colour"],
    code: 2,
    says: /key, created, updated, rollout/,
  },
  {
    fault: "two filters that contradict",
    args: ["list", "--enabled", "--disabled"],
    code: 2,
    says: /cannot be used with/,
  },
  { fault: "an empty tag", args: ["list", "--tag", ""], code: 2, says: /^error: --tag: must not be empty$/m },
  { fault: "an argument too many", args: ["list", "ai_search"], code: 2, says: /too many arguments/ },
  { fault: "an argument too many", args: ["status", "now"], code: 2, says: /too many arguments/ },
  { fault: "no shell", args: ["completion"], code: 2, says: /missing required argument 'shell'/ },
  {
    fault: "a shell that is not known",
    args: ["completion", "tcsh"],
    code: 2,
    says: /Allowed choices are bash, zsh, fish/,
  },
  {
    fault: "too many tags",
    args: ["create", "new", "--tag", Array.from({ length: 21 }, (_, n) => n).join()],
    code: 2,
    says: /^error: \/tags: must have at most 20 items$/m,
  },
  {
    fault: "too long an owner",
    args: ["create", "new", "--owner", long(201)],
    code: 2,
    says: /^error: \/owner \(--owner\) "x+…": must have at most 200/m,
  },
  {
    fault: "two faults at once",
    args: ["create", "new", "--owner", long(201), "--allow", "anon-1"],
    code: 2,
    says: /^error: 2 values are not valid\n {2}\/\S+ .*\n {2}\/\S+ .*\n {2}-> /,
  },
];

/** One row for each command and class of fault. */
export const FAULT_ROWS: readonly FaultRow[] = [
  ...keyRows,
  ...absentRows,
  ...percentRows,
  ...valueRows,
  ...otherRows,
];
