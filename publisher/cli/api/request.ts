import type { z } from "zod";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { problem } from "./answers.ts";
import { ApiProblem } from "./api-problem.ts";
import { connectionFault } from "./connection-fault.ts";
import type { Connection } from "./connection.ts";
import type { TypedWords } from "./pointer-words.ts";
import { jsonOrUndefined } from "../../../shared/flag/members.ts";

/** How long the API has to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** No page of the API is as large, even with every list full. */
const MAX_ANSWER_BYTES = 32 * 1_048_576;

const JSON_TYPE = /^application\/([a-z.-]+\+)?json *(;|$)/i;

/** One request to the admin API. */
export interface ApiRequest<Schema extends z.ZodType> {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** A question that only its body's size makes no GET. */
  readonly changesNothing?: true;
  /** Below `/api/v1`. */
  readonly path: string;
  /** The flag that this is about, for what is said when it is refused. */
  readonly key?: string;
  /** The segment that this is about. */
  readonly segment?: string;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  /** The entity tag of the flag as it was seen. */
  readonly ifMatch?: string | undefined;
  /** How long the answer may take, in milliseconds. */
  readonly timeoutMs?: number;
  /** What a good answer looks like. */
  readonly answer: Schema;
  /** What people typed for what a pointer into the body names, where it is not the usual option. */
  readonly typed?: TypedWords;
}

export interface ApiResponse<Schema extends z.ZodType> {
  readonly etag: string | undefined;
  /** The body as it came, for those who print it. */
  readonly said: unknown;
  readonly body: z.output<Schema>;
}

/**
 * Sends one request, once: nothing here knows whether a second one would do harm.
 *
 * @throws ApiProblem when the API refuses; CliError when there is no API, or it cannot be understood
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
  return { etag: response.headers.get("etag") ?? undefined, said: body, body: answer.data };
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
      // Followed, a redirect would carry the token to whoever it names.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { response, text: await readText(response, connection) };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw connectionFault(error, connection, { changes: mayChange(request), timeoutMs });
  }
}

/** Reads at most so much: what answers may be anything. */
async function readText(response: Response, connection: Connection): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new CliError(EXIT.unreachable, `${connection.shownUrl} answers without an end`, {
        why: [`Its answer has more than ${MAX_ANSWER_BYTES / 1_048_576} MiB.`],
        mend: ["check SLUICE_URL: this is hardly a Sluice admin API"],
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function redirected(connection: Connection, response: Response): CliError {
  const location = response.headers.get("location") ?? "";
  const target = URL.canParse(location, connection.url) ? new URL(location, connection.url).origin : "";
  return new CliError(EXIT.unreachable, `${connection.shownUrl} redirects instead of answering`, {
    why: ["Redirects are not followed: the token would go wherever they lead."],
    mend: [
      target === "" || target === new URL(connection.url).origin
        ? "check SLUICE_URL: it must be the address of the admin API itself"
        : `check SLUICE_URL: if ${visible(target, 100)} is the admin API, set it to that`,
    ],
  });
}

/** An error status that does not come from the admin API itself. */
function strangeRefusal(connection: Connection, changes: boolean, status: number): CliError {
  const from = `${connection.shownUrl} answered ${status}, and not in Sluice's words`;
  if (status === 401 || status === 403) {
    return new CliError(EXIT.unauthorised, from, {
      why: ["Something in front of the admin API lets this request not through."],
      mend: ["check whether it takes a VPN or another login to get there"],
    });
  }
  if (status >= 500) {
    return new CliError(EXIT.unreachable, from, {
      why: [
        "Something in front of the admin API cannot reach it, or it is not there.",
        // A gateway that gave up waiting may have passed the request on.
        ...(changes ? ["Whether the change was made is not known."] : []),
      ],
      mend: ["see whether the publisher runs, and try again"],
    });
  }
  return new CliError(EXIT.unreachable, from, {
    why: ["What answers there is not a Sluice admin API, or not this path of it."],
    mend: ["check SLUICE_URL: it is the publisher's address, without /api/v1"],
  });
}

function notSluice(connection: Connection, changes: boolean, cause: unknown): CliError {
  return new CliError(EXIT.unreachable, `what answers at ${connection.shownUrl} is not a Sluice admin API`, {
    why: [
      "Its answer is not what the API would say.",
      ...(changes ? ["Whether anything was changed is not known."] : []),
    ],
    mend: ["check SLUICE_URL: it is the publisher's address, not the worker's and not the site's"],
    cause,
  });
}

/** An answer that an edit can be based on. */
export function withTag<Body>({ body, etag }: { readonly body: Body; readonly etag: string | undefined }): {
  readonly body: Body;
  readonly etag: string;
} {
  if (etag !== undefined) return { body, etag };
  throw new CliError(EXIT.unreachable, "the API's answer lost its ETag on the way", {
    why: ["Without it, an edit could undo what somebody else does at the same time."],
    mend: ["let the proxy before the publisher pass ETag and If-Match on"],
  });
}
