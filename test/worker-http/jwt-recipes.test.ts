import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { startColo, type RunningColo } from "../support/worker.ts";

const root = new URL("../../", import.meta.url);
const doc = await readFile(new URL("docs/identity.md", root), "utf8");
const secret = "a secret that the worker shares with the sign-in";

/** The settings of each recipe, in the document's order. */
const recipes = [...doc.matchAll(/^```toml\n(.*?)^```/gms)]
  .map(([, block = ""]) =>
    Object.fromEntries(
      [...block.matchAll(/^(JWT_\w+) = "(.*)"$/gm)].map(([, name = "", value = ""]) => [name, value]),
    ),
  )
  .filter((settings) => "JWT_ISSUER" in settings);

let origin: Origin;
let colo: RunningColo;

beforeAll(async () => {
  origin = await startOrigin();
  const vars = {
    ORIGIN_URL: origin.url,
    UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
    UPSTASH_REDIS_REST_TOKEN: "nobody-listens-there",
    // A refused connection must not count as a slow one on a busy machine.
    REDIS_TIMEOUT_MS: "5000",
  };
  colo = await startColo({
    isolates: recipes.map((settings) => ({
      ...vars,
      ...settings,
      // The last recipe uses a secret, which is in no file.
      ...(!("JWT_JWKS_URL" in settings) && { JWT_SECRET: secret }),
    })),
  });
});
afterAll(async () => {
  await colo.stop();
  await origin.stop();
});

it("the worker accepts every recipe", async () => {
  expect(recipes.length).toBeGreaterThanOrEqual(9);
  const faults = await Promise.all(
    colo.urls.map(async (url) => {
      const status = await fetch(`${url}/.well-known/sluice`);
      return ((await status.json()) as { fault?: string }).fault;
    }),
  );
  // That a Redis is asked at all says that nothing is wrong with the settings.
  expect(faults).toEqual(recipes.map(() => "redis-unreachable"));
});

it("the worker identifies the user of a cookie made by the recipe", async () => {
  const [, code = ""] = /^```js sign-in\.mjs\n(.*?)^```/ms.exec(doc) ?? [];
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-sign-in-"));
  await symlink(fileURLToPath(new URL("node_modules", root)), path.join(folder, "node_modules"));
  await writeFile(path.join(folder, "sign-in.mjs"), code);
  process.env["JWT_SECRET"] = secret;
  const { whoCookie } = (await import(pathToFileURL(path.join(folder, "sign-in.mjs")).href)) as {
    whoCookie: (user: object) => Promise<string>;
  };
  const cookie = await whoCookie({ id: "u1", plan: "pro", isEmployee: true });
  expect(cookie).toMatch(/^__Host-who=[^;]+; Path=\/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax$/);

  const own = colo.urls.at(-1) ?? "";
  await fetch(`${own}/`, { headers: { cookie: cookie.split(";")[0] ?? "" } });
  const { context } = await readFlags(new Headers(origin.last.headers as Record<string, string>));
  expect(context?.targetingKey).toBe("u1");
  await rm(folder, { recursive: true });
});

it("the table names every variable", async () => {
  const source = await readFile(new URL("worker/isolate/bindings.ts", root), "utf8");
  const names = [...source.matchAll(/^ {2}readonly (JWT_\w+)\?: unknown;$/gm)].map(([, name = ""]) => name);
  expect(names).toHaveLength(14);
  const rows = [...doc.matchAll(/^\| `(JWT_\w+)`/gm)].map(([, name = ""]) => name);
  expect(rows.toSorted()).toEqual(names.toSorted());
});
