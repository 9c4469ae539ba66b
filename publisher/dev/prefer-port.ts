import { once } from "node:events";
import { createServer } from "node:net";

/** The port itself when it is free on loopback, else 0 for any free one: handy addresses, and no port that must be free. */
export async function preferPort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return port;
  } catch {
    return 0;
  } finally {
    server.close();
  }
}
