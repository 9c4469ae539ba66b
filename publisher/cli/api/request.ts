import type { z } from "zod";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { problem } from "./answers.ts";
import { ApiProblem } from "./api-problem.ts";
import { connectionFault } from "./connection-fault.ts";
import type { Connection } from "./connection.ts";
import { jsonOrUndefined } from "../../../shared/flag/members.ts";

/** How long the API has to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** No page of the API is as large, even with every list full. */
const MAX_ANSWER_BYTES = 32 * 1_048_576;

const JSON_TYPE = /^application\/([a-z.-]+\+)?json *(;|$)/i;

/** One request to the admin API. */
export interface ApiRequest<Schema extends z.ZodType> {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** A read that uses POST only because its body is large. */
  readonly changesNothing?: true;
  /** Below `/api/v1`. */
  readonly path: string;
  /** The key of the flag, for error texts. */
  readonly key?: string;
  /** The name of the segment, for error texts. */
  readonly segment?: string;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  /** The entity tag of the flag that was read. */
  readonly ifMatch?: string | undefined;
  /** Time limit for the answer, in milliseconds. */
  readonly timeoutMs?: number;
  /** The schema of a successful answer. */
  readonly answer: Schema;
}

export interface ApiResponse<Schema extends z.ZodType> {
  readonly etag: string | undefined;
  readonly body: z.output<Schema>;
}

/**
 * Sends one request without retries: a repeated write could do harm.
 *
 * @throws ApiProblem when the API refuses; CliError when there is no API, or its answer is not valid
 */
export async function sendRequest<Schema extends z.ZodType>(
  connection: Connection,
  request: ApiRequest<Schema>,
): Promise<ApiResponse<Schema>> {
  const { response, text } = await exchange(connection, request);
  const { status } = response;
  if (status >= 300 && status < 400) throw redirected(connection, response);

  const body = JSON_TYPE.test(response.headers.get("content-type") ?? "") ? jsonOrUndefined(text) : undefined;
  if (status >= 400) {
    const refusal = problem.safeParse(body);
    if (refusal.success) throw new ApiProblem(status, refusal.data, request);
    throw strangeRefusal(connection, mayChange(request), status);
  }
  const answer = request.answer.safeParse(body);
  if (!answer.success) throw notSluice(connection, mayChange(request), answer.error);
  return { etag: response.headers.get("etag") ?? undefined, body: body as z.output<Schema> };
}

function mayChange({ method, changesNothing }: ApiRequest<z.ZodType>): boolean {
  return method !== "GET" && changesNothing !== true;
}

async function exchange(connection: Connection, request: ApiRequest<z.ZodType>) {
  const { timeoutMs = TIMEOUT_MS } = request;
  const query = request.query === undefined ? "" : `?${request.query.toString()}`;
  try {
    const response = await fetch(`${connection.url}/api/v1${request.path}${query}`, {
      method: request.method,
      headers: {
        accept: "application/json, application/problem+json",
        authorization: `Bearer ${connection.token}`,
        "user-agent": "sluice-cli",
        ...(request.body !== undefined && { "content-type": "application/json" }),
        ...(request.ifMatch !== undefined && { "if-match": request.ifMatch }),
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      // Following a redirect would send the token to another server.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { response, text: await readText(response, connection) };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw connectionFault(error, connection, { changes: mayChange(request), timeoutMs });
  }
}

/** Reads at most MAX_ANSWER_BYTES, because the server may be anything. */
async function readText(response: Response, connection: Connection): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new CliError(EXIT.unreachable, `${connection.shownUrl} sends an answer that is too large`, {
        why: [`The answer is larger than ${MAX_ANSWER_BYTES / 1_048_576} MiB.`],
        fix: ["check SLUICE_URL: this does not look like a Sluice admin API"],
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function redirected(connection: Connection, response: Response): CliError {
  const location = response.headers.get("location") ?? "";
  const target = URL.canParse(location, connection.url) ? new URL(location, connection.url).origin : "";
  return new CliError(EXIT.unreachable, `${connection.shownUrl} redirects the request`, {
    why: ["Redirects are not followed: they would send the token to another server."],
    fix: [
      target === "" || target === new URL(connection.url).origin
        ? "check SLUICE_URL: it must be the address of the admin API itself"
        : `check SLUICE_URL: if ${visible(target, 100)} is the admin API, use that address`,
    ],
  });
}

/** An error status that does not come from the admin API. */
function strangeRefusal(connection: Connection, changes: boolean, status: number): CliError {
  const from = `${connection.shownUrl} answered ${status}, but not in Sluice's format`;
  if (status === 401 || status === 403) {
    return new CliError(EXIT.unauthorised, from, {
      why: ["A server in front of the admin API blocks this request."],
      fix: ["check whether you need a VPN or another login"],
    });
  }
  if (status >= 500) {
    return new CliError(EXIT.unreachable, from, {
      why: [
        "A server in front of the admin API cannot reach it.",
        // A gateway that timed out may have forwarded the request.
        ...(changes ? ["The change may or may not have been made."] : []),
      ],
      fix: ["check that the publisher runs, then try again"],
    });
  }
  return new CliError(EXIT.unreachable, from, {
    why: ["The server there is not a Sluice admin API, or does not have this path."],
    fix: ["check SLUICE_URL: it must be the address of the publisher, without /api/v1"],
  });
}

function notSluice(connection: Connection, changes: boolean, cause: unknown): CliError {
  return new CliError(EXIT.unreachable, `the server at ${connection.shownUrl} is not a Sluice admin API`, {
    why: [
      "The answer does not have the format of the API, or comes from a newer version.",
      ...(changes ? ["The change may or may not have been made."] : []),
    ],
    fix: ["check SLUICE_URL: it must be the address of the publisher, not of the worker or the site"],
    cause,
  });
}

/** An answer with the entity tag that an edit of it is based on. */
export interface Tagged<Answer> {
  readonly answer: Answer;
  readonly etag: string;
}

/** The part of a request that names its resource. */
type Place = Pick<ApiRequest<z.ZodType>, "path" | "key" | "segment">;

/** Sends requests over one connection. */
export function createSender(connection: Connection) {
  return {
    send: async <Schema extends z.ZodType>(
      method: ApiRequest<Schema>["method"],
      place: Place,
      answer: Schema,
      more: Partial<ApiRequest<Schema>> = {},
    ) => (await sendRequest(connection, { method, ...place, answer, ...more })).body,

    read: async <Schema extends z.ZodType>(
      place: Place,
      answer: Schema,
    ): Promise<Tagged<z.output<Schema>>> => {
      const { body, etag } = await sendRequest(connection, { method: "GET", ...place, answer });
      if (etag !== undefined) return { answer: body, etag };
      throw new CliError(EXIT.unreachable, "the API's answer arrived without its ETag", {
        why: ["Without it, an edit could undo what somebody else does at the same time."],
        fix: ["let the proxy before the publisher pass ETag and If-Match on"],
      });
    },
  };
}
