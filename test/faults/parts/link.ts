import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Faults } from "./fault.ts";

/** A TCP proxy between two parts. It can fail like a network. */
export interface Link {
  readonly port: number;
  readonly faults: Faults;
  stop(): Promise<void>;
}

const SLOW_MS = { least: 20, most: 400 } as const;

/**
 * Starts a proxy.
 *
 * @param target returns the port on loopback; called for each connection, because a restarted part has another port
 */
export async function startLink(target: () => number): Promise<Link> {
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  let state: "well" | "cut" | "hanging" | "slow" | "deaf" = "well";

  /** Forwards chunks in their order: a chunk that waits delays those after it. */
  function carry(from: Socket, to: Socket, isAnswer: boolean): void {
    let last = Promise.resolve();
    from.on("data", (chunk) => {
      if (isAnswer && state === "deaf") return;
      const lagMs = state === "slow" ? SLOW_MS.least + Math.random() * (SLOW_MS.most - SLOW_MS.least) : 0;
      last = last.then(async () => {
        if (lagMs > 0) await sleep(lagMs);
        if (to.writable && !to.write(chunk) && !from.destroyed) {
          from.pause();
          to.once("drain", () => state !== "hanging" && from.resume());
        }
      });
    });
    from.on("end", () => void last.then(() => to.end()));
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (state === "cut") {
      client.on("error", ignore).destroy();
      return;
    }
    const upstream = connect({ port: target(), host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    carry(client, upstream, false);
    carry(upstream, client, true);
    if (state === "hanging") for (const socket of pair) socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the link has no port");

  const cutAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const repair = async (): Promise<void> => {
    state = "well";
    for (const pair of pairs) for (const socket of pair) socket.resume();
  };
  return {
    port: address.port,
    faults: {
      cut: {
        async begin() {
          state = "cut";
          cutAll();
        },
        end: repair,
      },
      "cut once": { begin: async () => cutAll(), end: repair },
      hanging: {
        async begin() {
          state = "hanging";
          for (const pair of pairs) for (const socket of pair) socket.pause();
        },
        end: repair,
      },
      slow: {
        async begin() {
          state = "slow";
        },
        end: repair,
      },
      // Requests arrive and are carried out. Their answers are dropped.
      "answers lost": {
        async begin() {
          state = "deaf";
        },
        async end() {
          cutAll();
          await repair();
        },
      },
    },
    async stop() {
      cutAll();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

const ignore = (): void => undefined;
