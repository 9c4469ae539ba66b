/** A URL that takes JSON lines: ClickHouse over HTTP, a queue's or a log service's address, or one of your own. */
interface Env {
  readonly EXPOSURES_URL: string;
  /** A secret: the whole value of the `Authorization` header, where the URL asks for one. */
  readonly EXPOSURES_AUTHORIZATION?: string;
}

const BEGINNING = '{"sluice":"exposure",';

/** Hears what the worker logs, behind its answers, and sends exposures on. Nothing else leaves. */
async function tail(events: readonly TraceItem[], env: Env): Promise<void> {
  const lines = events.flatMap(({ logs }) => logs.flatMap(({ message }) => readLines(message)));
  if (lines.length === 0) return;
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  if (env.EXPOSURES_AUTHORIZATION) headers.set("authorization", env.EXPOSURES_AUTHORIZATION);
  const body = `${lines.join("\n")}\n`;
  const response = await fetch(env.EXPOSURES_URL, { method: "POST", headers, body });
  // It counts as an error of this worker, to be seen in its metrics; the exposures are lost.
  if (!response.ok) throw new Error(`EXPOSURES_URL answered ${response.status}`);
}

/** A call of the console is the list of what was given to it. */
function readLines(message: unknown): readonly string[] {
  const line: unknown = Array.isArray(message) ? message[0] : message;
  return typeof line === "string" && line.startsWith(BEGINNING) ? [line] : [];
}

export default { tail };
