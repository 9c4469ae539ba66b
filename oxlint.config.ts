import path from "node:path";
import { defineConfig, type OxlintOverride } from "oxlint";

const COMMAND_IMPORTS = [
  "publisher/cli/api",
  "publisher/cli/edge",
  "publisher/cli/edit",
  "publisher/cli/input",
  "publisher/cli/input/text",
  "publisher/cli/terminal",
  "publisher/cli/words",
  "publisher/cli/cli-error.ts",
  "publisher/cli/cli.ts",
];

/**
 * The borders: what each room may import beside its own files. Files of shared/ are open to all rooms of worker/ and
 * publisher/; within shared/ they are named. CONTRIBUTING.md has this table for readers, and a test compares the two.
 */
const ROOMS = {
  "shared/flag": [],
  "shared/snapshot": ["shared/flag"],
  "shared/bucketing": ["shared/flag"],
  "shared/condition/regex": [],
  "shared/condition": ["shared/condition/regex", "shared/flag"],
  "shared/compile": ["shared/bucketing", "shared/condition", "shared/flag", "shared/snapshot"],
  "shared/evaluate": ["shared/bucketing", "shared/compile", "shared/condition", "shared/flag"],
  "shared/gate": ["shared/flag"],
  "shared/x-flags": ["shared/compile", "shared/flag", "shared/snapshot"],

  "worker/isolate": [],
  "worker/identity/visitor": ["worker/isolate"],
  "worker/identity/jwt": ["worker/identity/visitor", "worker/isolate"],
  "worker/override": ["worker/isolate"],
  "worker/identity": ["worker/identity/jwt", "worker/identity/visitor", "worker/isolate", "worker/override"],
  "worker/snapshot": ["worker/isolate"],
  "worker/decide": ["worker/identity", "worker/isolate", "worker/override", "worker/snapshot"],
  "worker/pages": ["worker/decide", "worker/identity", "worker/isolate", "worker/override"],
  "worker/gates": ["worker/isolate", "worker/pages"],
  "worker/answer": ["worker/decide", "worker/gates", "worker/identity/visitor", "worker/isolate"],
  "worker/origin": [
    "worker/answer",
    "worker/decide",
    "worker/gates",
    "worker/identity",
    "worker/identity/visitor",
    "worker/isolate",
    "worker/pages",
    "worker/snapshot",
  ],

  "publisher/process": [],
  "publisher/problem": [],
  "publisher/postgres": ["publisher/problem", "publisher/process"],
  "publisher/redis": ["publisher/problem", "publisher/process"],
  "publisher/schema": [],
  "publisher/publish": [
    "publisher/postgres",
    "publisher/problem",
    "publisher/process",
    "publisher/redis",
    "publisher/schema",
  ],
  "publisher/write": ["publisher/postgres", "publisher/problem", "publisher/publish", "publisher/schema"],
  "publisher/kills": [
    "publisher/postgres",
    "publisher/problem",
    "publisher/process",
    "publisher/publish",
    "publisher/redis",
    "publisher/write",
  ],
  "publisher/explain": [
    "publisher/postgres",
    "publisher/problem",
    "publisher/publish",
    "publisher/redis",
    "publisher/schema",
  ],
  "publisher/service": [
    "publisher/explain",
    "publisher/kills",
    "publisher/postgres",
    "publisher/problem",
    "publisher/process",
    "publisher/publish",
    "publisher/redis",
    "publisher/schema",
    "publisher/write",
  ],
  "publisher/api": [
    "publisher/postgres",
    "publisher/problem",
    "publisher/process",
    "publisher/publish",
    "publisher/schema",
    "publisher/service",
    "publisher/write",
  ],

  "publisher/dev/postgres": [],
  "publisher/dev/redis-rest": [],
  "publisher/dev": [
    "publisher/dev/postgres",
    "publisher/dev/redis-rest",
    "publisher/postgres",
    "publisher/process",
    "publisher/config.ts",
    "publisher/serve.ts",
    "examples/ssr-site",
  ],

  "publisher/cli/terminal": ["publisher/config.ts"],
  "publisher/cli/completion": [],
  "publisher/cli/api": [
    "publisher/cli/terminal",
    "publisher/schema",
    "publisher/cli/cli-error.ts",
    "publisher/config.ts",
  ],
  "publisher/cli/words": ["publisher/cli/api", "publisher/cli/terminal"],
  "publisher/cli/input/text": [
    "publisher/cli/terminal",
    "publisher/cli/cli-error.ts",
    "publisher/cli/cli.ts",
  ],
  "publisher/cli/input": [
    "publisher/cli/api",
    "publisher/cli/input/text",
    "publisher/cli/terminal",
    "publisher/cli/cli-error.ts",
    "publisher/cli/cli.ts",
  ],
  "publisher/cli/edge": [
    "publisher/cli/api",
    "publisher/cli/terminal",
    "publisher/cli/words",
    "publisher/cli/cli-error.ts",
    "publisher/cli/cli.ts",
    "publisher/config.ts",
  ],
  "publisher/cli/edit": [
    "publisher/cli/api",
    "publisher/cli/terminal",
    "publisher/cli/words",
    "publisher/cli/cli-error.ts",
    "publisher/cli/cli.ts",
  ],
  "publisher/cli/commands/life": COMMAND_IMPORTS,
  "publisher/cli/commands/audience": COMMAND_IMPORTS,
  "publisher/cli/commands/look": COMMAND_IMPORTS,
  "publisher/cli/commands/system": [
    "publisher/cli/completion",
    "publisher/cli/edit",
    "publisher/cli/terminal",
    "publisher/dev",
    "publisher/dev/postgres",
    "publisher/postgres",
    "publisher/process",
    "publisher/publish",
    "publisher/redis",
    "publisher/cli/cli-error.ts",
    "publisher/cli/cli.ts",
    "publisher/config.ts",
    "publisher/serve.ts",
  ],
  "publisher/cli": [
    "publisher/cli/api",
    "publisher/cli/commands/audience",
    "publisher/cli/commands/life",
    "publisher/cli/commands/look",
    "publisher/cli/commands/system",
    "publisher/cli/terminal",
    "publisher/cli/words",
    "publisher/config.ts",
    "package.json",
  ],
} satisfies Record<string, readonly string[]>;

const SHARED_MESSAGE =
  "shared/ imports only itself and structured-headers: nothing of node:, worker/ or publisher/.";
const WORKER_MESSAGE =
  "worker/ imports itself, shared/, hono, jose and structured-headers: nothing of node:, of publisher/, or as large as zod.";

/** What a part may import from npm. */
const PACKAGES = {
  shared: ["structured-headers"],
  worker: ["hono", "hono/*", "jose", "structured-headers"],
} as const;

/** Refuses every import that no pattern of `allowed` names; a pattern behind it in `but` is refused again. */
function restrict(
  files: string,
  allowed: readonly string[],
  message: string,
  but: readonly string[] = [],
): OxlintOverride {
  const group = ["*", ...allowed.map((pattern) => `!${pattern}`), ...but];
  return {
    files: [files],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
  };
}

/** The border of one room. Lint sees the text of an import, so a neighbour is named by its path from the room. */
function border([room, imports]: [room: string, imports: readonly string[]]): OxlintOverride {
  const from = (place: string): string => {
    const way = path.posix.relative(room, place);
    return way.startsWith(".") ? way : `./${way}`;
  };
  const neighbours = [
    "./*.ts",
    ...imports.map((place) => from(path.extname(place) !== "" ? place : `${place}/*.ts`)),
  ];
  const message = `${room}/ may import ${imports.join(", ") || "its own files only"}: see the rooms in CONTRIBUTING.md.`;
  if (room.startsWith("shared/"))
    return restrict(`${room}/*.ts`, [...neighbours, ...PACKAGES.shared], message);
  const shared = `${from("shared")}/**`;
  if (room.startsWith("worker/")) {
    return restrict(`${room}/*.ts`, [...neighbours, shared, ...PACKAGES.worker], message);
  }
  // The publisher may import any package: only relative imports are judged.
  const group = ["./**", "../**", ...[...neighbours, shared].map((pattern) => `!${pattern}`)];
  return {
    files: [`${room}/*.ts`],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
  };
}

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "node", "vitest"],
  categories: { correctness: "error", suspicious: "error" },
  options: { typeAware: true },
  rules: {
    eqeqeq: "error",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "import/no-default-export": "error",
    "import/no-named-as-default-member": "off",
    "import/no-unassigned-import": "off",
    "no-var": "error",
    "prefer-const": "error",
    "no-eval": "error",
    "no-new-func": "error",
    "no-await-in-loop": "off",
    "no-shadow": "off",
    "no-underscore-dangle": "off",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    "typescript/consistent-type-imports": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/only-throw-error": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "unicorn/filename-case": ["error", { case: "kebabCase" }],
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/consistent-function-scoping": "off",
    "vitest/expect-expect": ["error", { assertFunctionNames: ["expect", "expect*"] }],
    "vitest/no-conditional-expect": "off",
    "vitest/no-standalone-expect": "off",
    "vitest/no-disabled-tests": "error",
    "vitest/no-focused-tests": "error",
  },
  overrides: [
    {
      files: ["shared/**/*.ts"],
      rules: {
        "no-console": "error",
        "no-restricted-globals": [
          "error",
          { name: "Date", message: "shared/ has no clock: take `now` as an argument." },
          { name: "performance", message: "shared/ has no clock: take `now` as an argument." },
          { name: "process", message: "shared/ reads no environment: take it as an argument." },
          { name: "console", message: "shared/ does no I/O." },
          { name: "fetch", message: "shared/ does no I/O." },
          { name: "setTimeout", message: "shared/ has no clock." },
          { name: "setInterval", message: "shared/ has no clock." },
          { name: "Buffer", message: "shared/ runs outside Node: use Uint8Array." },
        ],
        "no-restricted-properties": [
          "error",
          { object: "Math", property: "random", message: "shared/ is deterministic." },
          { object: "globalThis", message: "shared/ names what it uses." },
        ],
      },
    },
    restrict("shared/**/*.ts", ["./**", "../**", ...PACKAGES.shared], SHARED_MESSAGE, [
      "**/worker/**",
      "**/publisher/**",
    ]),
    restrict("worker/**/*.ts", ["./**", "../**", ...PACKAGES.worker], WORKER_MESSAGE, ["**/publisher/**"]),
    {
      files: ["publisher/**/*.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          { patterns: [{ regex: "/worker/", message: "worker/ and publisher/ meet only in Redis." }] },
        ],
      },
    },
    ...Object.entries(ROOMS).map(border),
    {
      files: ["test/**/*.ts"],
      rules: {
        "no-unmodified-loop-condition": "off",
        "unicorn/no-useless-spread": "off",
        "vitest/valid-title": "off",
        "typescript/no-unsafe-assignment": "off",
      },
    },
    {
      files: [
        "worker/index.ts",
        "{examples,test/support,bench/support}/*-worker/index.ts",
        "vitest.config.ts",
        "test/support/*-global-setup.ts",
        "oxlint.config.ts",
      ],
      rules: { "import/no-default-export": "off" },
    },
  ],
});
