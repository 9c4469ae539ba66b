// Tries to get a gated page from a site by other spellings, methods and headers: see docs/gates.md.
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { startRedisRest } from "../publisher/dev/redis-rest/start.ts";
import { putSnapshot } from "../test/support/published.ts";
import { sendRaw } from "../test/support/raw-request.ts";
import { startWorker } from "../test/support/worker.ts";
import { attackRequests, type AttackRequest } from "./support/attack-requests.ts";
import { runBench } from "./support/run-bench.ts";

const { values: given } = parseArgs({
  options: {
    origin: { type: "string" },
    page: { type: "string", multiple: true },
    marker: { type: "string" },
    gate: { type: "string", multiple: true },
    ordinary: { type: "string", multiple: true, default: ["/"] },
    build: { type: "string", default: "build" },
  },
});
const { origin = "", page: pages = [], marker = "", gate: gates = pages, ordinary, build } = given;
if (!/^http:\/\/[^/]+$/.test(origin) || pages.length === 0 || marker === "") {
  process.stderr.write(
    "usage: gate-attack.ts --origin http://127.0.0.1:3000 --page /ai/chat --marker 'a text that stands on that page alone'\n" +
      "  [--page …] [--gate '/ai/*' …] [--ordinary /about …] [--build <Next.js' BUILD_ID>]\n",
  );
  process.exit(2);
}

/** Simultaneous requests. */
const CONCURRENCY = 8;
/** The most addresses of the site that are compared. */
const MAX_ORDINARY = 300;

await runBench(`Gates before ${origin}: ${gates.join(", ")}`, async (bench) => {
  const redis = await startRedisRest();
  bench.defer(() => redis.stop());
  const flags = gates.map((pattern, at) => ({
    key: `gated-${at}`,
    enabled: true,
    rollout_pct: 0,
    targeting: {},
    gates: [{ pattern, otherwise: { status: 404 } }],
  }));
  await putSnapshot(redis, "production", 1, flags);
  const worker = await startWorker({
    vars: {
      ORIGIN_URL: origin,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
    },
  });
  bench.defer(() => worker.stop());

  const requests = attackRequests(pages, build);
  let reached = 0;
  let through = 0;
  await inParallel(requests, async (request) => {
    if (!(await ask(origin, request)).includes(marker)) return;
    reached += 1;
    if (!(await ask(worker.url, request)).includes(marker)) return;
    through += 1;
    bench.check(false, `past the gate: ${request.method} ${request.target} ${request.headers.join(", ")}`);
  });
  const compared = await compareOrdinary(worker.url);
  bench.table([
    {
      requests: requests.length,
      "reach a page directly": reached,
      "through the worker": through,
      "other pages": compared.seen,
      "the same": compared.same,
    },
  ]);
  bench.check(reached > pages.length, "next to nothing reaches the pages directly: is the marker on them?");
  bench.check(compared.same === compared.seen, `other pages differ: ${compared.different.join(", ")}`);
});

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** @returns the whole answer; empty when the server closes the connection, as some do on invalid HTTP */
function ask(url: string, { method, target, headers }: AttackRequest): Promise<string> {
  const length = method === "POST" ? ["Content-Length: 0"] : [];
  return sendRaw(url, [`${method} ${target} HTTP/1.1`, ...headers, ...length]).catch(() => "");
}

/** Follows the links of the site's other pages, and compares their answers with and without the worker. */
async function compareOrdinary(edgeUrl: string) {
  const open = [...ordinary];
  const seen = new Set<string>();
  const different: string[] = [];
  for (const path of open) {
    if (seen.has(path) || seen.size === MAX_ORDINARY) continue;
    seen.add(path);
    const [direct, decided] = await Promise.all([fetchPage(origin, path), fetchPage(edgeUrl, path)]);
    if (direct.digest !== decided.digest) different.push(path);
    open.push(...direct.links.filter((link) => !pages.some((page) => link.startsWith(page))));
  }
  return { seen: seen.size, same: seen.size - different.length, different };
}

async function fetchPage(url: string, path: string) {
  const response = await fetch(url + path, { redirect: "manual" });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isHtml = response.headers.get("content-type")?.startsWith("text/html") ?? false;
  const links = isHtml ? [...bytes.toString().matchAll(/(?:href|src)="(\/[^"#]*)"/g)] : [];
  return {
    digest: `${response.status} ${createHash("sha256").update(bytes).digest("hex")}`,
    links: links.map(([, link = ""]) => link.replaceAll("&amp;", "&")),
  };
}
