import type { Fault, Path } from "../../shared/flag/fault.ts";

/** One thing that is wrong with a request. */
export interface ProblemDetail {
  /** An RFC 6901 JSON pointer into the body, "" for the whole body; or the name of a query parameter or header. */
  readonly pointer: string;
  /** What is wrong and how to fix it; never the whole value. */
  readonly detail: string;
}

/** The problems of the admin API: HTTP status and title by the last part of `type`. */
const KINDS = {
  "malformed-request": { status: 400, title: "The request is malformed" },
  unauthorized: { status: 401, title: "A valid token is needed" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "This method is not allowed here" },
  conflict: { status: 409, title: "The request conflicts with the present state" },
  "precondition-failed": { status: 412, title: "It has changed since you read it" },
  "content-too-large": { status: 413, title: "The request is too large" },
  "unsupported-media-type": { status: 415, title: "The content type is not supported" },
  "invalid-request": { status: 422, title: "The request is not valid" },
  "precondition-required": { status: 428, title: "If-Match is required" },
  internal: { status: 500, title: "The publisher has failed" },
  unavailable: { status: 503, title: "A part of the system does not answer" },
} as const;

export type ProblemKind = keyof typeof KINDS;

const KIND_HEADERS: { readonly [Kind in ProblemKind]?: Readonly<Record<string, string>> } = {
  unauthorized: { "www-authenticate": 'Bearer realm="sluice"' },
  unavailable: { "retry-after": "1" },
};

/** An error that the admin API answers with: an RFC 9457 problem. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  readonly errors: readonly ProblemDetail[];
  /** Further members of the body, beside those of RFC 9457. */
  readonly extensions: Readonly<Record<string, unknown>>;
  /** Headers of the answer, in lower case. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: ProblemKind,
    detail: string,
    options: {
      errors?: readonly ProblemDetail[];
      extensions?: Record<string, unknown>;
      headers?: Record<string, string>;
    } = {},
  ) {
    super(detail);
    this.kind = kind;
    this.headers = { ...KIND_HEADERS[kind], ...options.headers };
    this.errors = options.errors ?? [];
    this.extensions = options.extensions ?? {};
  }

  get status() {
    return KINDS[this.kind].status;
  }

  /** The body of the answer, `application/problem+json`. */
  toBody(): Record<string, unknown> {
    const { status, title } = KINDS[this.kind];
    return {
      type: `urn:sluice:problem:${this.kind}`,
      title,
      status,
      detail: this.message,
      ...(this.errors.length > 0 && { errors: this.errors }),
      ...this.extensions,
    };
  }
}

/** An expected fault. Its message is shown to people without the name of its class. */
export abstract class ForeseenFault extends Error {}

/** An error's message in one line, cut to 200 characters: messages of libraries may contain whole commands. */
export function briefly(error: unknown): string {
  const text = textOf(error);
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The name "Error" says nothing, and the names of our own classes mean nothing to people.
  const isNamed = !(error instanceof ForeseenFault) && error.name !== "Error";
  return isNamed ? `${error.name}: ${error.message}` : error.message;
}

/** The longest step of a pointer: an unknown member may have any length. */
const MAX_STEP = 64;

/** Answers with the evaluator's fault in a body: where and what, never the value itself. */
export function faultProblem({ path, detail }: Fault): Problem {
  const pointer = toJsonPointer(path);
  return new Problem("invalid-request", `${pointer === "" ? "body" : pointer}: ${detail}`, {
    errors: [{ pointer, detail }],
  });
}

/** RFC 6901. */
export function toJsonPointer(path: Path | readonly PropertyKey[]): string {
  return path
    .map((step) => String(step).slice(0, MAX_STEP).toWellFormed())
    .map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}
