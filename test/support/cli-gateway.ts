import { once } from "node:events";
import { createServer } from "node:http";

/** A request as it passed. */
export interface PassedRequest {
  /** Method and path, `PATCH /api/v1/flags/x/rollout`. */
  readonly what: string;
  readonly ifMatch: string | undefined;
}

/** A reverse proxy before an admin API that tells what passed, and lets tests act in between. */
export interface CliGateway {
  readonly url: string;
  /** What passed since the last call. */
  take(): readonly PassedRequest[];
  /** Called before a request is passed on; it waits for that. */
  before: (request: PassedRequest) => Promise<unknown>;
  stop(): Promise<void>;
}

export async function startCliGateway(target: string): Promise<CliGateway> {
  let passed: PassedRequest[] = [];
  const server = createServer((request, response) => {
    const pass = async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const { method = "", url = "", headers } = request;
      const seen = { what: `${method} ${url.replace(/\?.*/, "")}`, ifMatch: headers["if-match"] };
      passed.push(seen);
      await gateway.before(seen);
      const { host: _host, connection: _connection, "content-length": _length, ...rest } = headers;
      const answer = await fetch(`${target}${url}`, {
        method,
        headers: rest as Record<string, string>,
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      });
      const etag = answer.headers.get("etag");
      response
        .writeHead(answer.status, {
          "content-type": answer.headers.get("content-type") ?? "",
          ...(etag !== null && { etag }),
        })
        .end(await answer.text());
    };
    pass().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");

  const gateway: CliGateway = {
    url: `http://127.0.0.1:${address.port}`,
    before: () => Promise.resolve(),
    take() {
      const all = passed;
      passed = [];
      return all;
    },
    async stop() {
      server.closeAllConnections();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
  return gateway;
}
