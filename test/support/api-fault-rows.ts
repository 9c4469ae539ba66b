/** Part of every faulty value that can contain it. No answer and no log line may repeat it. */
export const MARKER = "zq9marker";

/** One thing that is wrong with a request. */
export interface FaultRow {
  readonly member: string;
  readonly fault: string;
  /** The member's value as JSON text, because JSON.stringify cannot write all of them. */
  readonly json: string;
  /** The pointer in the answer. */
  readonly pointer: string;
  readonly detail: RegExp;
}

type Short = readonly [fault: string, json: string, detail: RegExp, pointer?: string];

const rowsFor = (member: string, shorts: readonly Short[]): FaultRow[] =>
  shorts.map(([fault, json, detail, pointer = ""]) => ({
    member,
    fault,
    json,
    detail,
    pointer: `/${member}${pointer}`,
  }));

const text = (value: string): string => JSON.stringify(value);
const list = (count: number): string => JSON.stringify(Array.from({ length: count }, (_, n) => `u${n}`));
const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

const noString: readonly Short[] = [
  ["number", "5", /must be a string/],
  ["boolean", "true", /must be a string/],
  ["array", "[]", /must be a string/],
  ["object", "{}", /must be a string/],
];

const unfitText: readonly Short[] = [
  ["NUL", text(`${MARKER}\0`), /control character/],
  ["other control character", text(`${MARKER}\u0085`), /control character/],
  ["lone high surrogate", `"${MARKER}\\ud800"`, /lone surrogate/],
  ["lone low surrogate", `"\\udc00${MARKER}"`, /lone surrogate/],
];

const noBoolean: readonly Short[] = [
  ["text", text(`${MARKER}true`), /must be true or false/],
  ["number", "1", /must be true or false/],
  ["array", "[true]", /must be true or false/],
  ["object", "{}", /must be true or false/],
];

/** Values that every list of ids refuses. */
const noIdList: readonly Short[] = [
  ["text", text(MARKER), /must be an array/],
  ["object", "{}", /must be an array/],
  ["item of another type", `["${MARKER}", 5]`, /must be a string/, "/1"],
  ["null item", `["${MARKER}", null]`, /must be a string/, "/1"],
  ["empty item", '["ok", ""]', /must not be empty/, "/1"],
  ["item too long", JSON.stringify([MARKER.padEnd(257, "x")]), /at most \d+ characters/, "/0"],
  ["item twice", `["${MARKER}", "${MARKER}"]`, /same item twice/],
  ...unfitText.map(([fault, json, detail]): Short => [`item with ${fault}`, `["ok", ${json}]`, detail, "/1"]),
];

const KEY_FORM = /must begin with a lower-case letter/;

export const KEY_FAULTS = rowsFor("key", [
  ...noString,
  ["null", "null", /must be a string/],
  ["empty", '""', KEY_FORM],
  ["too long", text(MARKER.padEnd(65, "k")), KEY_FORM],
  ["upper case", text("Zq9marker"), KEY_FORM],
  ["begins with a digit", text(`1${MARKER}`), KEY_FORM],
  ["space", text(`${MARKER} x`), KEY_FORM],
  ["colon", text(`${MARKER}:x`), KEY_FORM],
  ["slash", text(`${MARKER}/x`), KEY_FORM],
  ["newline at the end", text(`${MARKER}\n`), KEY_FORM],
  ["NUL", text(`${MARKER}\0`), KEY_FORM],
  ["lone surrogate", `"${MARKER}\\ud800"`, KEY_FORM],
  ["Cyrillic look-alike", text(`${MARKER}\u0430`), KEY_FORM],
  ["full-width look-alike", text(`${MARKER}\uff41`), KEY_FORM],
  ["Kelvin sign", text(`${MARKER}\u212a`), KEY_FORM],
  ["dotless i", text(`${MARKER}\u0131`), KEY_FORM],
  ["zero-width joiner", text(`${MARKER}\u200d`), KEY_FORM],
  ["combining mark", text(`${MARKER}\u0301`), KEY_FORM],
  ["SQL", text(`${MARKER}'; drop table feature_flags; --`), KEY_FORM],
  ["SQL with a comment", text(`${MARKER}'/**/or/**/1=1`), KEY_FORM],
  ["__proto__", '"__proto__"', KEY_FORM],
  ["pattern", text(`${MARKER}%`), KEY_FORM],
  ["path", text("../etc/passwd"), KEY_FORM],
]);

const GATE_REST = '"otherwise": {"status": 404}';
const gateFault = (fault: string, gate: string, detail: RegExp, pointer: string): Short => [
  fault,
  `[${gate}]`,
  detail,
  `/0${pointer}`,
];
const patternFault = (fault: string, pattern: string, detail: RegExp): Short =>
  gateFault(fault, `{"pattern": ${text(pattern)}, ${GATE_REST}}`, detail, "/pattern");
const actionFault = (fault: string, action: string, detail: RegExp, pointer = ""): Short =>
  gateFault(fault, `{"pattern": "/ai/*", "otherwise": ${action}}`, detail, `/otherwise${pointer}`);

/** Values that both a create and a merge patch refuse. */
export const MEMBER_FAULTS: readonly FaultRow[] = [
  ...rowsFor("description", [
    ...noString,
    ...unfitText,
    ["too long", text(MARKER.padEnd(1_001, "d")), /at most 1000 characters/],
  ]),
  ...rowsFor("owner", [
    ...noString,
    ...unfitText,
    ["too long", text(MARKER.padEnd(201, "o")), /at most 200 characters/],
  ]),
  ...rowsFor("tags", [
    ...noIdList,
    ["item of 51 characters", JSON.stringify([MARKER.padEnd(51, "t")]), /at most 50 characters/, "/0"],
    ["too many", list(21), /at most 20 items/],
  ]),
  ...rowsFor("targeting", [
    ["text", text(MARKER), /object/],
    ["array", "[]", /object/],
    ["number", "5", /object/],
    ["unknown member", '{"percentage": 5}', /unknown member/, "/percentage"],
    ["__proto__", `{"__proto__": {"allowlist": ["${MARKER}"]}}`, /unknown member/, "/__proto__"],
    ["constructor", '{"constructor": {}}', /unknown member/, "/constructor"],
    ["toString", '{"toString": 1}', /unknown member/, "/toString"],
    ["deeply nested member", `{"x": ${deep(10_000)}}`, /unknown member/, "/x"],
    [
      "an id on both lists",
      `{"allowlist": ["ok", "${MARKER}"], "blocklist": ["${MARKER}"]}`,
      /on the blocklist too/,
      "/allowlist/1",
    ],
  ]),
  ...["allowlist", "blocklist", "plans"].flatMap((name) =>
    noIdList.map(([fault, json, detail, pointer = ""]): FaultRow => ({
      member: "targeting",
      fault: `${name}: ${fault}`,
      json: `{"${name}": ${json}}`,
      detail,
      pointer: `/targeting/${name}${pointer}`,
    })),
  ),
  ...rowsFor("targeting", [
    ["too many allowed", `{"allowlist": ${list(10_001)}}`, /at most 10000 items/, "/allowlist"],
    ["too many blocked", `{"blocklist": ${list(10_001)}}`, /at most 10000 items/, "/blocklist"],
    ["too many plans", `{"plans": ${list(101)}}`, /at most 100 items/, "/plans"],
    ["anonymous id", `{"allowlist": ["anon-${MARKER}"]}`, /anonymous ids/, "/allowlist/0"],
    ["deep list", `{"allowlist": ${deep(10_000)}}`, /must be a string/, "/allowlist/0"],
    ...noBoolean.map(([fault, json, detail]): Short => [
      `employees_only: ${fault}`,
      `{"employees_only": ${json}}`,
      detail,
      "/employees_only",
    ]),
  ]),
  ...rowsFor("gates", [
    ["text", text(MARKER), /must be an array/],
    ["object", "{}", /must be an array/],
    ["deep", deep(10_000), /object/, "/0"],
    [
      "too many",
      `[${Array.from({ length: 21 }, (_, n) => `{"pattern": "/${n}", ${GATE_REST}}`).join()}]`,
      /at most 20/,
    ],
    gateFault("null item", "null", /object/, ""),
    gateFault("no pattern", `{${GATE_REST}}`, /missing/, "/pattern"),
    gateFault("no action", '{"pattern": "/ai"}', /must be \{"rewrite"/, "/otherwise"),
    gateFault("unknown member", `{"pattern": "/ai", ${GATE_REST}, "x": 1}`, /unknown member/, "/x"),
    gateFault(
      "__proto__",
      `{"pattern": "/ai", ${GATE_REST}, "__proto__": {}}`,
      /unknown member/,
      "/__proto__",
    ),
    patternFault("empty pattern", "", /begin with \//),
    patternFault("relative pattern", `${MARKER}/*`, /begin with \//),
    patternFault("absolute URL as a pattern", `https://x/${MARKER}`, /begin with \//),
    patternFault("pattern too long", `/${MARKER}`.padEnd(257, "p"), /at most 256/),
    patternFault("pattern with NUL", `/${MARKER}\0`, /control character/),
    patternFault("regular expression", `/${MARKER}(.*)+`, /must not contain/),
    patternFault("regular expression that explodes", "/(a+)+b", /must not contain/),
    patternFault("repeated group", "/{a}+", /must not contain/),
    patternFault("repeated name", "/:a+", /must not contain/),
    patternFault("three wildcards", "/*/*/*", /at most two/),
    patternFault("two wildcards in a segment", "/*a*", /at most one/),
    patternFault("name and wildcard in a segment", "/:a*", /at most one/),
    patternFault("two names in a segment", "/:a-:b", /at most one/),
    patternFault("backslash at the end", `/${MARKER}\\`, /not a valid URLPattern/),
    patternFault("colon without a name", `/${MARKER}/:`, /not a valid URLPattern/),
    actionFault("text as an action", text(MARKER), /must be \{"rewrite"/),
    actionFault("two actions", '{"rewrite": "/a", "status": 404}', /must be \{"rewrite"/),
    actionFault("__proto__ in an action", '{"status": 404, "__proto__": {}}', /unknown member/, "/__proto__"),
    actionFault("status that is not one of them", '{"status": 200}', /must be \{"rewrite"/),
    actionFault("redirect with a wrong status", '{"redirect": "/a", "status": 301}', /must be \{"rewrite"/),
    actionFault(
      "redirect to another site",
      `{"redirect": "https://${MARKER}"}`,
      /begins with one \//,
      "/redirect",
    ),
    actionFault("redirect to another host", `{"redirect": "//${MARKER}"}`, /begins with one \//, "/redirect"),
    actionFault("redirect by backslash", `{"redirect": "/\\\\${MARKER}"}`, /begins with one \//, "/redirect"),
    actionFault(
      "header injection",
      `{"redirect": "/a\\r\\nset-cookie: ${MARKER}"}`,
      /control character/,
      "/redirect",
    ),
    actionFault("redirect with dots", '{"redirect": "/a/../ai/x"}', /as browsers send it/, "/redirect"),
    actionFault("redirect with raw unicode", '{"redirect": "/ä"}', /as browsers send it/, "/redirect"),
    actionFault("redirect into itself", '{"redirect": "/ai/x?y#z"}', /would never end/, "/redirect"),
    [
      "redirect into another gate of the flag",
      '[{"pattern": "/a", "otherwise": {"redirect": "/b"}}, {"pattern": "/b", "otherwise": {"status": 404}}]',
      /would never end/,
      "/0/otherwise/redirect",
    ],
  ]),
  ...rowsFor("fail_mode", [
    ["unknown", text(MARKER), /must be one of off, last-known/],
    ["number", "1", /must be one of/],
    ["other case", '"OFF"', /must be one of/],
  ]),
  ...rowsFor("in_header", noBoolean),
  ...rowsFor("client_visible", noBoolean),
  ...["enabled", "rollout_pct", "id", "archived_at", "constructor", "__proto__", "toString"].flatMap((name) =>
    rowsFor(name, [["not settable here", "{}", /unknown member/]]),
  ),
];

export const ROLLOUT_FAULTS: readonly FaultRow[] = rowsFor("rollout_pct", [
  ["text", '"25"', /must be a number/],
  ["NaN as text", '"NaN"', /must be a number/],
  ["null", "null", /must be a number/],
  ["boolean", "true", /must be a number/],
  ["array", "[25]", /must be a number/],
  ["object", "{}", /must be a number/],
  ["below 0", "-0.01", /from 0 to 100/],
  ["-0", "-0", /must be 0, not -0/],
  ["-0.0", "-0.0", /must be 0, not -0/],
  ["above 100", "100.01", /from 0 to 100/],
  ["just above 100", "100.001", /from 0 to 100/],
  ["three decimals", "25.005", /two decimals/],
  ["tiny", "1e-9", /two decimals/],
  ["smallest of all", "5e-324", /two decimals/],
  ["huge", "1e308", /from 0 to 100/],
  ["infinite", "1e400", /must be a number/],
  ["minus infinite", "-1e400", /must be a number/],
]);

export const TOGGLE_FAULTS: readonly FaultRow[] = rowsFor("enabled", [
  ...noBoolean,
  ["null", "null", /must be true or false/],
]);

const ATTRIBUTE_TEXTS = ["anonymousId", "plan", "email", "organization", "country", "targetingKey"];

export const CONTEXT_FAULTS: readonly FaultRow[] = [
  ...rowsFor("context", [
    ["null", "null", /object/],
    ["array", "[]", /object/],
    ["text", text(MARKER), /object/],
    ["__proto__", '{"__proto__": {"isEmployee": true}}', /cannot be used/, "/__proto__"],
    ["deeply nested attribute", `{"role": ${deep(10_000)}}`, /nested deeper than 5/],
    ["attribute too long", `{"role": ${text(MARKER.padEnd(257))}}`, /longer than 256/],
    ["attribute of no JSON type", '{"role": 1e400}', /finite number/],
    ["anonymous id as user id", `{"userId": "anon-${MARKER}"}`, /the prefix of anonymous ids/, "/userId"],
    ["another targeting key", `{"userId": "u", "targetingKey": "${MARKER}"}`, /is derived/, "/targetingKey"],
    ["userId: number", '{"userId": 5}', /must be a string/, "/userId"],
    ["userId: NUL", `{"userId": ${text(`${MARKER}\0`)}}`, /control character/, "/userId"],
    ["userId: too long", `{"userId": ${text(MARKER.padEnd(257))}}`, /at most 256/, "/userId"],
    ...noBoolean.map(([fault, json, detail]): Short => [
      `isEmployee: ${fault}`,
      `{"isEmployee": ${json}}`,
      detail,
      "/isEmployee",
    ]),
  ]),
  ...ATTRIBUTE_TEXTS.flatMap((name) =>
    [...noString, ...unfitText, ["too long", text(MARKER.padEnd(257)), /at most 256/] satisfies Short].map(
      ([fault, json, detail]): FaultRow => ({
        member: "context",
        fault: `${name}: ${fault}`,
        json: `{"${name}": ${json}}`,
        detail,
        pointer: `/context/${name}`,
      }),
    ),
  ),
];
