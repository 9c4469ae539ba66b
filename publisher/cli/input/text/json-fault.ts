/** The position of the first error in a JSON text. Lines and columns count from 1, columns in UTF-16 units. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** The text ends too early. */
  readonly isEnd: boolean;
}

/** One token after white space. A malformed string is not a token. */
const TOKEN =
  /[ \t\r\n]*(?<token>[{}[\],:]|"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\u0000-\u001f]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w))/y; // oxlint-disable-line no-control-regex -- JSON forbids them in strings

/** The allowed next token; a stack has the containers around it. */
type Expected = "value" | "value or ]" | "name" | "name or }" | ":" | ", or end" | "nothing";

/**
 * Finds the error in a text that JSON.parse rejected. The messages of JSON.parse quote the text, which may be personal
 * data, and often have no position.
 */
export function findJsonFault(text: string): JsonFault {
  const around: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let end = 0;
  for (;;) {
    TOKEN.lastIndex = end;
    const token = TOKEN.exec(text)?.groups?.["token"];
    const next: Expected | undefined = token === undefined ? undefined : follow(token, expected, around);
    if (next === undefined)
      return positionOf(text, end + (/^[ \t\r\n]*/.exec(text.slice(end))?.[0].length ?? 0));
    expected = next;
    end = TOKEN.lastIndex;
  }
}

/** @returns the allowed next token; undefined when this token is not allowed here */
function follow(token: string, expected: Expected, around: ("{" | "[")[]): Expected | undefined {
  const afterValue = (): Expected => (around.length === 0 ? "nothing" : ", or end");
  const close = (): Expected => {
    around.pop();
    return afterValue();
  };
  switch (expected) {
    case "name":
    case "name or }":
      if (token.startsWith('"')) return ":";
      return token === "}" && expected === "name or }" ? close() : undefined;
    case ":":
      return token === ":" ? "value" : undefined;
    case ", or end":
      if (token === ",") return around.at(-1) === "{" ? "name" : "value";
      return token === (around.at(-1) === "{" ? "}" : "]") ? close() : undefined;
    case "value":
    case "value or ]":
      if (token === "]" && expected === "value or ]") return close();
      if (token === "{" || token === "[") {
        around.push(token);
        return token === "{" ? "name or }" : "value or ]";
      }
      return /^[}\],:]$/.test(token) ? undefined : afterValue();
    case "nothing":
      return undefined;
    default:
      return expected satisfies never;
  }
}

function positionOf(text: string, position: number): JsonFault {
  const before = text.slice(0, position).split("\n");
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    isEnd: position >= text.length,
  };
}
