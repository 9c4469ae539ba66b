import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

/** Something that listens where an admin API should be. */
export interface ForeignServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Answers HTTP in its own way. */
export async function startForeignServer(listener: RequestListener): Promise<ForeignServer> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
