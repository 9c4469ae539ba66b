import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import type { Bindings } from "../../worker/isolate/bindings.ts";
import { flags, type FlagsEnv, type FlagsOptions } from "../../worker/flags.ts";

describe("options are checked once, when the application is made", () => {
  const rewrite = () => new Response();
  const destination = ({ url }: Request) => new URL(url);
  it.each([{}, { rewrite, destination }, { rewrite: true }, { bindings: (env: Bindings) => env }])(
    "%j",
    (options) => {
      expect(() => flags(options as FlagsOptions)).toThrow(
        /^flags\(\{ … \}\) needs one of two options: rewrite: app\.fetch/,
      );
    },
  );
  it("flags() returns a named function", () => {
    expect(flags({ rewrite }).name).toBe("flags");
  });
});

/** An application that says what it was told. */
function createApp(options: Pick<FlagsOptions, "bindings"> = {}) {
  const app = new Hono<FlagsEnv>();
  app.use(flags({ ...options, rewrite: app.fetch }));
  app.get("*", ({ req, var: { flags } }) =>
    Response.json({
      problem: flags.problem,
      details: flags.details("copilot"),
      enabled: flags.enabled,
      value: flags.value("copilot"),
      header: req.header("x-flags-context"),
    }),
  );
  return app;
}

describe("without a working part everything is off, and the page is shown", () => {
  const misconfigured = "there is no snapshot: misconfigured";

  it("app.request() passes neither environment nor execution context", async () => {
    const response = await createApp().request("/page", { headers: { "x-flags": "copilot" } });
    expect(await response.json()).toEqual({
      problem: misconfigured,
      details: {
        value: false,
        variant: "off",
        reason: "ERROR",
        errorCode: "GENERAL",
        errorMessage: misconfigured,
      },
      enabled: [],
      header: expect.stringContaining("src=none") as string,
    });
  });

  it("the bindings option throws", async () => {
    const bindings = () => {
      throw new Error("a secret");
    };
    const app = createApp({ bindings });
    for (const env of [{}, {}]) {
      const response = await app.request("/page", {}, env);
      expect(await response.json()).toMatchObject({ problem: misconfigured, enabled: [] });
    }
  });

  it("Redis is not there, and nothing keeps work alive", async () => {
    const env = {
      SLUICE_ENV: "production",
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
      UPSTASH_REDIS_REST_TOKEN: "t",
    };
    const response = await createApp().request("/page", {}, env);
    expect(await response.json()).toMatchObject({ problem: "there is no snapshot: redis-unreachable" });
  });
});

it("two applications in one isolate have their own settings", async () => {
  const env = { SLUICE_ENV: "production", UPSTASH_REDIS_REST_TOKEN: "t", OTHER_URL: "http://127.0.0.1:1" };
  const app = createApp();
  const other = createApp({
    bindings: (bindings) => ({ ...bindings, UPSTASH_REDIS_REST_URL: (bindings as typeof env).OTHER_URL }),
  });
  const problemOf = async (asked: typeof app): Promise<unknown> => {
    const { problem } = (await (await asked.request("/", {}, env)).json()) as { problem: unknown };
    return problem;
  };
  expect(await problemOf(app)).toBe("there is no snapshot: misconfigured");
  expect(await problemOf(other)).toBe("there is no snapshot: redis-unreachable");
  expect(await problemOf(app)).toBe("there is no snapshot: misconfigured");
});

it("the runtime's properties of a request are kept", async () => {
  const app = new Hono<FlagsEnv>();
  app.use("/read/*", async (c, next) => {
    await c.req.text();
    await next();
  });
  app.use(flags({ rewrite: app.fetch }));
  app.all("*", async ({ req }) =>
    Response.json({ country: req.raw.cf?.country, body: await req.raw.text() }),
  );
  for (const path of ["/", "/read/"]) {
    const request = new Request(`https://www.example.com${path}`, {
      method: "POST",
      body: "some text",
      cf: { country: "NZ" },
    });
    expect(await (await app.fetch(request, {})).json()).toEqual({ country: "NZ", body: "some text" });
  }
});
