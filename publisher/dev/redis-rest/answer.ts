import type { IncomingMessage, ServerResponse } from "node:http";
import { type Access, bearerToken } from "./authorize.ts";
import { type Command, commandFromJson, commandFromPath, commandsFromJson, parseJson } from "./command.ts";
import { type Source, streamEvents } from "./event-stream.ts";
import { noPermission, refusal } from "./permitted-commands.ts";
import type { RedisLink } from "./redis-link.ts";
import { type Encoding, errorText, type Outcome, toOutcome } from "./reply.ts";
import { RestError } from "./command.ts";
import { parseRequestTarget } from "./request-target.ts";

interface Session {
  readonly link: RedisLink;
  readonly access: Access;
  readonly encoding: Encoding;
}

/** The result is sent with status 200; a RestError has its own status. */
type Endpoint = (session: Session, body: Buffer) => Promise<Outcome | readonly Outcome[]>;

const batchEndpoints: ReadonlyMap<string, Endpoint> = new Map([
  ["pipeline", runPipeline],
  ["multi-exec", runTransaction],
]);

/** Handles one request. @returns the JSON body, or undefined when an event stream started */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  link: RedisLink,
  authorize: (presented: string | undefined) => Access,
): Promise<Outcome | readonly Outcome[] | undefined> {
  if (!["HEAD", "GET", "POST", "PUT"].includes(request.method ?? "")) {
    response.setHeader("allow", "HEAD, GET, POST, PUT");
    throw new RestError(405, "ERR method not allowed: use HEAD, GET, POST or PUT");
  }
  const { segments, options, token } = parseRequestTarget(request.url ?? "/");
  const access = authorize(bearerToken(request.headers.authorization) ?? token);
  const session = { link, access, encoding: encodingOf(request) };
  response.setHeader("upstash-sync-token", nextSyncToken());

  const endpoint = segments[0]?.toString().toLowerCase() ?? "";
  const source = sourceOf(endpoint, segments.slice(1));
  if (source !== undefined) {
    // The client sends "[]" as body, which has no meaning.
    request.resume();
    if (access === "read-only") throw new RestError(400, noPermission(endpoint));
    await streamEvents(source, link, response);
    return undefined;
  }
  const body = await readBody(request);
  const batch = segments.length === 1 ? batchEndpoints.get(endpoint) : undefined;
  if (batch !== undefined) return batch(session, body);
  const command =
    segments.length === 0
      ? commandFromJson(parseJson(body.toString()))
      : commandFromPath(segments, body, options);
  return runOne(session, command);
}

async function runOne({ link, access, encoding }: Session, command: Command): Promise<Outcome> {
  const refused = refusal(command, access);
  if (refused !== undefined) throw new RestError(400, refused);
  const [reply = null] = await link.run([command]);
  const outcome = toOutcome(reply, command, encoding);
  if ("error" in outcome) throw new RestError(400, outcome.error);
  return outcome;
}

/** Every command has its own outcome: a failed command does not stop the others. */
async function runPipeline({ link, access, encoding }: Session, body: Buffer): Promise<readonly Outcome[]> {
  const commands = commandsFromJson(parseJson(body.toString()));
  const refused = new Map<Command, string>();
  for (const command of commands) {
    const reason = refusal(command, access);
    if (reason !== undefined) refused.set(command, reason);
  }
  const replies = (await link.run(commands.filter((command) => !refused.has(command)))).values();
  return commands.map((command) => {
    const error = refused.get(command);
    return error === undefined ? toOutcome(replies.next().value ?? null, command, encoding) : { error };
  });
}

/** All or nothing: a command that cannot be queued fails the whole transaction. */
async function runTransaction(
  { link, access, encoding }: Session,
  body: Buffer,
): Promise<readonly Outcome[]> {
  const commands = commandsFromJson(parseJson(body.toString()));
  const refused = commands.map((command) => refusal(command, access)).find((reason) => reason !== undefined);
  if (refused !== undefined) throw new RestError(400, refused);
  const replies = await link.transact(commands);
  if ("error" in replies) {
    throw new RestError(400, errorText(replies.error, commands[replies.index] ?? ["EXEC"]));
  }
  return commands.map((command, index) => toOutcome(replies[index] ?? null, command, encoding));
}

function sourceOf(endpoint: string, rest: readonly Buffer[]): Source | undefined {
  if (endpoint === "monitor" && rest.length === 0) return { kind: "monitor" };
  if (endpoint !== "subscribe" && endpoint !== "psubscribe") return undefined;
  if (rest.length === 0) throw new RestError(400, `ERR wrong number of arguments for '${endpoint}' command`);
  return { kind: endpoint, names: rest.map((name) => name.toString()) };
}

function encodingOf(request: IncomingMessage): Encoding {
  const format = request.headers["upstash-response-format"] ?? "json";
  if (format !== "json")
    throw new RestError(400, "ERR Upstash-Response-Format: this local server answers json only");
  return request.headers["upstash-encoding"] === "base64" ? "base64" : "plain";
}

let syncPoint = 0;

/** Upstash's clients send the last token back to read their own writes. With one Redis, this always works. */
function nextSyncToken(): string {
  syncPoint += 1;
  return Buffer.from(`local:${syncPoint}`).toString("base64");
}

/** Upstash's limit for one request, in bytes. */
const maxRequestBytes = 10 * 1024 * 1024;

/** A larger body is not read to its end. */
const patienceBytes = 10 * maxRequestBytes;

/** The whole body. A body above the limit is read to its end: an early answer would look like a reset connection. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxRequestBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (size > patienceBytes) break;
  }
  if (size > maxRequestBytes) {
    throw new RestError(
      413,
      `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes, Actual: ${size} bytes`,
    );
  }
  return Buffer.concat(chunks);
}
