/** A Redis command: the name, then its binary-safe arguments. */
export type Command = readonly [name: string, ...args: readonly (string | Buffer)[]];

/** Like JSON.parse, but numbers keep their spelling: 12345678901234567890 must reach Redis unchanged. */
export function parseJson(text: string): unknown {
  const keepSpelling = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" ? (context?.source ?? value) : value;
  try {
    return JSON.parse(text, keepSpelling);
  } catch {
    // JSON.parse quotes the text in its message; the text may be a secret or 6 MB long.
    throw new RestError(400, "ERR failed to parse the request body: it is not valid JSON");
  }
}

/** One command from a JSON array such as `["SET", "key", 1]`. */
export function commandFromJson(value: unknown): Command {
  if (!Array.isArray(value)) {
    throw new RestError(400, 'ERR failed to parse command: expected a JSON array such as ["GET", "key"]');
  }
  const [name, ...args] = value.map(argumentFromJson);
  if (name === undefined || name === "") throw new RestError(400, "ERR empty command");
  return [name, ...args];
}

/** The commands of `/pipeline` and `/multi-exec`: an array of arrays. */
export function commandsFromJson(value: unknown): readonly Command[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new RestError(
      400,
      'ERR failed to parse commands: expected an array of commands such as [["GET", "key"]]',
    );
  }
  return value.map(commandFromJson);
}

/** The command of `GET /set/foo/bar?EX=100`, or of `POST /set/foo?EX=100` with `bar` as its body. */
export function commandFromPath(
  segments: readonly Buffer[],
  body: Buffer,
  options: readonly (readonly Buffer[])[],
): Command {
  const [name, ...args] = segments;
  if (name === undefined || name.length === 0) throw new RestError(400, "ERR empty command");
  return [name.toString(), ...args, ...(body.length === 0 ? [] : [body]), ...options.flat()];
}

function argumentFromJson(value: unknown, index: number): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  const kind = value === null ? "null" : Array.isArray(value) ? "an array" : "an object";
  throw new RestError(
    400,
    `ERR failed to parse command: argument ${index} is ${kind}; send strings, numbers or booleans`,
  );
}

/** An error response: the HTTP status and the text of `{"error": …}`. The text must not hold a token or a payload. */
export class RestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RestError";
    this.status = status;
  }
}
