import { request as askByHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { ENVIRONMENT, OVERRIDE_KEYS } from "../support/api-system.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";
import { startWorker } from "../support/worker.ts";
import { makeCertificate } from "./certificate.ts";
import type { Network } from "./chromium.ts";
import { startSite, type Site } from "./site.ts";
import { startStrangers, type Strangers } from "./strangers.ts";

/** The shop: a site behind the worker. */
export const SHOP = "https://www.shop.example";
/** Another host of the same site, for example a blog with content of guests. */
export const SIBLING = "https://blog.shop.example";
/** Another site. */
export const STRANGER = "https://evil.example";

const hostOf = (origin: string): string => new URL(origin).host;

/** A shop that is open: publisher, Postgres, Redis, the worker with TLS, the site behind it, and other sites. */
export interface Shop {
  readonly publisher: CliSystem;
  readonly site: Site;
  readonly strangers: Strangers;
  readonly network: Network;
  /** Everything that the worker has logged so far. */
  readonly log: string;
  /** Creates an enabled flag with a percentage by the API, and returns when the worker has it. */
  make(key: string, percent: number, columns?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Changes a flag's percentage, and returns when the worker has it. */
  rollOut(key: string, percent: number): Promise<void>;
  /** Enables or kills a flag, and returns when the worker has it. */
  toggle(key: string, enabled: boolean): Promise<void>;
  /** Runs `sluice` with these words, waits until the worker has the change, and returns the output. */
  sluice(...words: readonly string[]): Promise<string>;
  /** Returns when the worker has all changes. */
  arrived(): Promise<void>;
  close(): Promise<void>;
}

export async function openShop(): Promise<Shop> {
  const tls = await makeCertificate([
    "shop.example",
    "*.shop.example",
    "*.www.shop.example",
    hostOf(STRANGER),
  ]);
  const redis = await startRedisRest();
  const publisher = await startCliSystem({ redis });
  const keys = `shop:${Buffer.alloc(32, "sign").toString("base64")}`;
  const jwtSecret = "the secret that sign-in and worker share";
  const site = await startSite({ keys, jwtSecret });
  const strangers = await startStrangers(tls);
  const worker = await startWorker({
    tls,
    vars: {
      ORIGIN_URL: site.url,
      SLUICE_ENV: ENVIRONMENT,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      SIGNING_KEYS: keys,
      OVERRIDE_KEYS,
      JWT_SECRET: jwtSecret,
      JWT_COOKIE: "__Host-who",
      REFRESH_MS: "100",
      // On a busy machine Redis may be slow; that is not what these tests are about.
      REDIS_TIMEOUT_MS: "10000",
    },
  });

  /** The revision in the memory of the worker, read without the browser. */
  async function revisionOfWorker(): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const { port } = new URL(worker.url);
    askByHttps(
      { host: "127.0.0.1", port, servername: hostOf(SHOP), ca: tls.cert, path: "/.well-known/sluice" },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve(text)).on("error", reject);
      },
    )
      .on("error", reject)
      .end();
    const status: unknown = JSON.parse(await promise);
    return typeof status === "object" && status !== null && "revision" in status ? status.revision : null;
  }

  async function arrived(): Promise<void> {
    const [row] = await publisher.sql<{ revision: string }>("SELECT revision FROM publication");
    while (String(await revisionOfWorker()) !== row?.revision) await sleep(20);
  }

  async function change(key: string, path: string, body: object): Promise<void> {
    const changed = await publisher.call("PATCH", `/api/v1/flags/${key}/${path}`, { body, ifMatch: "*" });
    if (changed.status !== 200) throw new Error(`${key} was not changed: ${changed.text}`);
    await arrived();
  }

  return {
    publisher,
    site,
    strangers,
    network: {
      hosts: {
        "www.shop.example:443": new URL(worker.url).host,
        "www.shop.example:80": strangers.plainAddress,
        ...Object.fromEntries(
          ["shop.example", "*.shop.example", hostOf(STRANGER)].map((host) => [
            `${host}:443`,
            strangers.address,
          ]),
        ),
      },
      pin: tls.pin,
    },
    get log() {
      return worker.log;
    },
    async make(key, percent, columns) {
      await publisher.make(key, columns);
      await change(key, "rollout", { rollout_pct: percent });
      await change(key, "toggle", { enabled: true });
    },
    rollOut: (key, percent) => change(key, "rollout", { rollout_pct: percent }),
    toggle: (key, enabled) => change(key, "toggle", { enabled }),
    async sluice(...words) {
      const { code, stdout, stderr } = await publisher.sluice(words);
      if (code !== 0) throw new Error(`sluice ${words.join(" ")} ended with ${code}: ${stderr}`);
      await arrived();
      return stdout;
    },
    arrived,
    async close() {
      for (const part of [worker, strangers, site, publisher, redis]) await part.stop();
    },
  };
}
