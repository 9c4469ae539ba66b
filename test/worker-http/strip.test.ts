import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOrigin, type Origin } from "../support/origin.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

let origin: Origin;
let worker: RunningWorker;

beforeAll(async () => {
  origin = await startOrigin();
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
      UPSTASH_REDIS_REST_TOKEN: "nobody-listens-there",
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await origin.stop();
});

/** What reached the origin and could be read as Sluice's word, with the names folded as an origin may fold them. */
function ownHeaders(): readonly string[] {
  return origin.last.rawHeaders
    .filter((_text, at) => at % 2 === 0)
    .map((name) => name.toLowerCase().replaceAll("_", "-"))
    .filter((name) => name.startsWith("x-flags") || name.startsWith("x-sluice"));
}

const forged = [
  "x-flags: copilot",
  "X-Flags: copilot",
  "X-FLAGS: search",
  "X_Flags: copilot",
  "x_flags: search",
  "X_FLAGS_CONTEXT: epoch=9, rev=9, src=memory",
  "x-flags-context: epoch=9, rev=9, src=memory",
  "x-flags-context: epoch=8",
  "X-Flags-Anything: 1",
  "x-sluice-context: eyJ1c2VySWQiOiJ1MSJ9",
  "X_Sluice_Context: eyJ1c2VySWQiOiJ1MSJ9",
  "x-sluice-proof: guess",
  'Signature-Input: sluice=("x-flags");created=1',
  "Signature: sluice=:AAAA:",
];

describe("a client's own flags never reach the origin", () => {
  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "PURGE"])(
    "%s",
    async (method) => {
      const path = `/${method.toLowerCase()}`;
      const lines = [
        `${method} ${path} HTTP/1.1`,
        ...forged,
        "X_Other: kept",
        "X-Other: kept",
        "Content-Length: 0",
      ];
      expect(await sendRaw(worker.url, lines)).toMatch(/^HTTP\/1\.1 200 /);
      expect(origin.last).toMatchObject({ method, url: path });
      expect(origin.last.headers).toMatchObject({ x_other: "kept", "x-other": "kept" });
      expect(ownHeaders()).toEqual(["x-flags-context"]);
      expect(origin.last.headers["x-flags-context"]).toContain("src=none");
      expect(origin.last.headers["signature-input"]).toBeUndefined();
    },
  );

  it("with an upgrade", async () => {
    const socket = new WebSocket(worker.url.replace("http", "ws"), {
      headers: { X_Flags: "copilot", "x-flags": "copilot" },
    });
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    socket.close();
    expect(origin.last.headers.upgrade).toBe("websocket");
    expect(ownHeaders()).toEqual(["x-flags-context"]);
  });

  it("a forged host is replaced by the real one", async () => {
    const lines = ["GET / HTTP/1.1", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher"];
    await sendRaw(worker.url, lines);
    expect(origin.last.headers).toMatchObject({
      host: new URL(origin.url).host,
      "x-forwarded-host": new URL(worker.url).host,
      "x-forwarded-proto": "http",
    });
  });
});
