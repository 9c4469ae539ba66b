import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** A request as it reached the origin. */
interface Seen {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as they came over the wire. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A site: a real HTTP server that remembers what it was asked. */
export interface Origin {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** The request that came last. */
  readonly last: Seen;
  /** How the next requests are answered. */
  answer: Answer;
  stop(): Promise<void>;
}

/** Starts a site on a free loopback port; every WebSocket there repeats what it is told. */
export async function startOrigin(): Promise<Origin> {
  const seen: Seen[] = [];
  const remember = (request: IncomingMessage): void => {
    const { method = "", url = "", rawHeaders, headers } = request;
    seen.push({ method, url, rawHeaders, headers });
  };
  const server = createServer((request, response) => {
    remember(request);
    origin.answer(request, response);
  });
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request, socket) => {
    upgraded.add(socket);
    remember(request);
    echo(request, socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the origin has no port");

  const origin: Origin = {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    get last() {
      const last = seen.at(-1);
      if (last === undefined) throw new Error("the origin was not asked");
      return last;
    },
    answer: (_request, response) => void response.end("hello"),
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await closed;
    },
  };
  return origin;
}

/** A WebSocket (RFC 6455) for short messages: it sends back what it gets, in capitals, and closes when it is asked to. */
function echo(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  let pending = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    // Frames may arrive in pieces, or several at once: two bytes of head, four of mask, then the payload.
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= 6) {
      const end = 6 + (pending.readUInt8(1) & 0x7f);
      if (pending.length < end) return;
      const isText = (pending.readUInt8(0) & 0x0f) === 1;
      const mask = pending.subarray(2, 6);
      const payload = Buffer.from(pending.subarray(6, end).map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
      pending = pending.subarray(end);
      const reply = isText ? Buffer.from(payload.toString().toUpperCase()) : payload;
      socket.write(Buffer.concat([Buffer.of(isText ? 0x81 : 0x88, reply.length), reply]));
      if (!isText) socket.end();
    }
  });
  socket.on("error", () => socket.destroy());
}
