import { randomUUID } from "node:crypto";
import { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, it } from "vitest";
import type { RedisRest } from "../../publisher/dev/redis-rest/start.ts";

/** A raw request; its headers replace the default token. */
type Wire = Omit<RequestInit, "headers"> & { headers?: Record<string, string> };

/** Options that differ from the client that Sluice uses. */
interface ClientOptions {
  token?: string;
  responseEncoding?: false;
  enableAutoPipelining?: boolean;
}

/** What Sluice needs from Upstash's REST protocol, checked through the real client and by raw requests. */
export function redisRestContract(name: string, start: () => Promise<RedisRest>): void {
  describe(`the local Redis end on ${name}`, () => {
    const prefix = `sluice-test:${randomUUID()}:`;
    const key = (suffix: string): string => `${prefix}${suffix}`;
    let rest: RedisRest;
    let redis: Redis;

    /** A client with the options of the worker and the publisher: values are strings, one fetch per command. */
    const clientWith = (config: ClientOptions = {}): Redis =>
      new Redis({
        url: rest.url,
        token: rest.token,
        automaticDeserialization: false,
        enableAutoPipelining: false,
        retry: { retries: 0 },
        ...config,
      });
    const request = (path: string, init: Wire = {}): Promise<Response> =>
      fetch(`${rest.url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${rest.token}`, ...init.headers },
      });
    const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const response = await request(path, { method: "POST", body: JSON.stringify(body), headers });
      const parsed: unknown = await response.json();
      return { status: response.status, body: parsed };
    };
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const response = await request(path, { headers });
      const parsed: unknown = await response.json();
      return { status: response.status, body: parsed };
    };
    const inPath = (text: string): string => encodeURIComponent(text);

    beforeAll(async () => {
      rest = await start();
      redis = clientWith();
      return async () => {
        // The Redis may be in use by others: delete only the keys of these tests.
        let cursor = "0";
        do {
          const [next, keys] = await redis.scan(cursor, { match: `${prefix}*`, count: 1_000 });
          if (keys.length > 0) await redis.del(...keys);
          cursor = next;
        } while (cursor !== "0");
        await rest.stop();
      };
    });

    describe("values", () => {
      const texts: Record<string, string> = {
        "the code points 0 to 255": String.fromCodePoint(...Array.from({ length: 256 }, (_, point) => point)),
        unicode: "Grüße ☃ 日本語 👩‍👩‍👧 e\u0301 \u2028 \uFFFD",
        "the empty string": "",
        "the string OK": "OK",
        "a number": "12345678901234567890",
        JSON: '{"epoch":1,"list":[],"none":null}',
      };
      for (const [what, text] of Object.entries(texts)) {
        it(`returns ${what} unchanged, with base64 and without`, async () => {
          const plain = clientWith({ responseEncoding: false });
          expect(await redis.set(key(`text:${what}`), text)).toBe("OK");
          expect(await redis.get(key(`text:${what}`))).toBe(text);
          expect(await plain.get(key(`text:${what}`))).toBe(text);
          expect(await redis.mget(key(`text:${what}`), key("absent"))).toEqual([text, null]);
        });
      }

      it("keeps all 256 bytes of a body that is answered as base64", async () => {
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
        const stored = await request(`/set/${inPath(key("bytes"))}`, { method: "POST", body: bytes });
        expect(await stored.json()).toEqual({ result: "OK" });
        const { body } = await get(`/get/${inPath(key("bytes"))}`, { "upstash-encoding": "base64" });
        expect(body).toEqual({ result: bytes.toString("base64") });
      });

      it("replaces invalid UTF-8 in an answer without base64", async () => {
        await request(`/set/${inPath(key("broken"))}/a%ffb`);
        expect(await get(`/get/${inPath(key("broken"))}`)).toEqual({
          status: 200,
          body: { result: "a\uFFFDb" },
        });
      });

      it("accepts a value of 6 MB, in a SET and in a script", async () => {
        const plain = clientWith({ responseEncoding: false });
        const large = "0123456789".repeat(600_000);
        await plain.set(key("large"), large);
        expect(await plain.get(key("large"))).toBe(large);
        const copy = "redis.call('SET', KEYS[1], ARGV[1]) return #ARGV[1]";
        expect(await plain.eval(copy, [key("large-copy")], [large])).toBe(large.length);
        expect(await plain.strlen(key("large-copy"))).toBe(large.length);
      });
    });

    describe("commands", () => {
      it("turns numbers and booleans into strings, and keeps the digits of a number", async () => {
        await post("/", ["MSET", key("n"), 1.5, key("b"), true]);
        expect(await redis.mget(key("n"), key("b"))).toEqual(["1.5", "true"]);
        await request("/", {
          method: "POST",
          body: `["SET", ${JSON.stringify(key("n"))}, 12345678901234567890]`,
        });
        expect(await redis.get(key("n"))).toBe("12345678901234567890");
      });

      it("reads them from the path, followed by the query and the body", async () => {
        const path = `/SET/${inPath(key("path"))}`;
        expect(await get(`${path}/a%2Fb%20c`)).toEqual({ status: 200, body: { result: "OK" } });
        expect(await redis.get(key("path"))).toBe("a/b c");
        const put = await request(`${path}?EX=100&XX`, { method: "PUT", body: "from the body" });
        expect(await put.json()).toEqual({ result: "OK" });
        expect(await redis.get(key("path"))).toBe("from the body");
        expect(await redis.ttl(key("path"))).toBeGreaterThan(90);
        expect((await get(`${path}/again?NX`)).body).toEqual({ result: null });
      });

      it("answers HEAD without a body", async () => {
        const response = await request("/ping", { method: "HEAD" });
        expect(response.status).toBe(200);
        expect(await response.text()).toBe("");
      });

      it("maps integers, null, nested lists and status replies", async () => {
        const script = "return {1, false, 'x', {2, {'y'}}, redis.status_reply('OK')}";
        expect((await post("/", ["EVAL", script, 0])).body).toEqual({
          result: [1, null, "x", [2, ["y"]], "OK"],
        });
        const b64 = (text: string): string => Buffer.from(text).toString("base64");
        expect((await post("/", ["EVAL", script, 0], { "upstash-encoding": "base64" })).body).toEqual({
          result: [1, null, b64("x"), [2, [b64("y")]], b64("OK")],
        });
        expect((await post("/", ["PING"], { "upstash-encoding": "base64" })).body).toEqual({
          result: b64("PONG"),
        });
        expect(await redis.eval(script, [], [])).toEqual([1, null, "x", [2, ["y"]], "OK"]);
      });

      it("returns a new sync token with every answer, and the client sends it back", async () => {
        const first = (await request("/ping")).headers.get("upstash-sync-token");
        const second = (await request("/ping")).headers.get("upstash-sync-token");
        expect(first).toMatch(/.+/);
        expect(second).not.toBe(first);
        await redis.set(key("sync"), "1");
        expect(await redis.get(key("sync"))).toBe("1");
      });
    });

    describe("several at once", () => {
      it("runs a pipeline in order, each command with its own result or error", async () => {
        const wrong = ["LPUSH", key("pipe"), "x"];
        const { status, body } = await post("/pipeline", [
          ["SET", key("pipe"), "1"],
          wrong,
          ["BLPOP", key("pipe"), 0],
          ["INCR", key("pipe")],
        ]);
        expect(status).toBe(200);
        expect(body).toEqual([
          { result: "OK" },
          { error: expect.stringMatching(/^WRONGTYPE /) as unknown },
          { error: expect.stringMatching(/^ERR Command is not available: 'BLPOP'/) as unknown },
          { result: 2 },
        ]);
        const answered = await redis.pipeline().get(key("pipe")).get(key("absent")).incr(key("pipe")).exec();
        expect(answered).toEqual(["2", null, 3]);
      });

      it("serves the client's auto-pipelining", async () => {
        const auto = clientWith({ enableAutoPipelining: true });
        const keys = Array.from({ length: 50 }, (_, index) => key(`auto:${index}`));
        await Promise.all(keys.map((name, index) => auto.set(name, `value ${index}`)));
        const values = await Promise.all(keys.map((name) => auto.get(name)));
        expect(values).toEqual(keys.map((_, index) => `value ${index}`));
      });

      it("continues a transaction when a command in it fails", async () => {
        const { status, body } = await post("/multi-exec", [
          ["SET", key("tx"), "é"],
          ["LPUSH", key("tx"), "x"],
          ["GET", key("tx")],
        ]);
        expect(status).toBe(200);
        expect(body).toEqual([
          { result: "OK" },
          { error: expect.stringMatching(/^WRONGTYPE /) as unknown },
          { result: "é" },
        ]);
        expect(await redis.multi().set(key("tx"), "ß").get(key("tx")).exec()).toEqual(["OK", "ß"]);
      });

      it("discards the whole transaction when a command cannot be queued", async () => {
        const discarded = [
          ["GET"], // too few arguments
          ["NOSUCHCOMMAND", "secret"],
          ["SUBSCRIBE", "channel"],
        ];
        for (const command of discarded) {
          const { status, body } = await post("/multi-exec", [["SET", key("discarded"), "1"], command]);
          expect(status).toBe(400);
          expect(body).toEqual({ error: expect.stringMatching(/^ERR /) as unknown });
          expect(JSON.stringify(body)).not.toContain("secret");
        }
        expect(await redis.get(key("discarded"))).toBeNull();
        expect(await redis.ping()).toBe("PONG");
      });

      it("runs no other command between the commands of a transaction", async () => {
        const steps = 10;
        const increments = Array.from({ length: steps }, () => ["INCR", key("counter")]);
        const noise = Array.from({ length: 100 }, () => redis.incr(key("counter")));
        const transactions = await Promise.all(
          Array.from({ length: 100 }, async () => (await post("/multi-exec", increments)).body),
        );
        await Promise.all(noise);
        for (const transaction of transactions) {
          const results = (transaction as { result: number }[]).map(({ result }) => result);
          const first = results[0] ?? Number.NaN;
          expect(results).toEqual(Array.from({ length: steps }, (_, step) => first + step));
        }
        expect(await redis.get(key("counter"))).toBe("1100");
      });
    });

    describe("scripts", () => {
      const compareAndSet = `
        local held = redis.call('GET', KEYS[1])
        local head = cjson.decode(ARGV[1])
        if held then
          local old = cjson.decode(held)
          if old.epoch > head.epoch or (old.epoch == head.epoch and old.revision >= head.revision) then
            return {0, held}
          end
        end
        redis.call('SET', KEYS[1], ARGV[1])
        return {1, ARGV[1]}`;

      it("compare and set by cjson", async () => {
        const put = (head: object): Promise<unknown> =>
          redis.eval(compareAndSet, [key("head")], [JSON.stringify(head)]);
        expect(await put({ epoch: 1, revision: 2 })).toEqual([1, '{"epoch":1,"revision":2}']);
        expect(await put({ epoch: 1, revision: 2 })).toEqual([0, '{"epoch":1,"revision":2}']);
        expect(await put({ epoch: 1, revision: 10 })).toEqual([1, '{"epoch":1,"revision":10}']);
        expect(await put({ epoch: 2, revision: 1 })).toEqual([1, '{"epoch":2,"revision":1}']);
        expect(await redis.get(key("head"))).toBe('{"epoch":2,"revision":1}');
      });

      it("lets exactly one of many equal compare-and-sets win", async () => {
        const answers = await Promise.all(
          Array.from({ length: 30 }, () =>
            redis.eval(compareAndSet, [key("race")], ['{"epoch":1,"revision":1}']),
          ),
        );
        expect(answers.filter((answer) => (answer as [number])[0] === 1)).toHaveLength(1);
      });

      it("have cjson with null, numbers, unicode and nesting", async () => {
        const value = '{"off":{"ai":[1,412],"x":null},"n":[0.5,-3,4294967296],"s":"é\\u0000☃👍"}';
        const script = `
          local value = cjson.decode(ARGV[1])
          value.isnull = value.off.x == cjson.null
          value.added = cjson.null
          return cjson.encode(value)`;
        const encoded = await redis.eval(script, [], [value]);
        expect(JSON.parse(String(encoded))).toEqual({
          off: { ai: [1, 412], x: null },
          n: [0.5, -3, 4_294_967_296],
          s: "é\u0000☃👍",
          isnull: true,
          added: null,
        });
      });

      it("can survive broken JSON by pcall", async () => {
        const script = "local ok = pcall(cjson.decode, ARGV[1]) return ok and 'read' or 'broken'";
        expect(await redis.eval(script, [], ["{"])).toBe("broken");
        expect(await redis.eval(script, [], ["{}"])).toBe("read");
      });

      it("report their errors, and can be called by digest", async () => {
        const failing = await post("/", ["EVAL", "return redis.error_reply('DIVERGED ahead')", 0]);
        expect(failing).toEqual({ status: 400, body: { error: "DIVERGED ahead" } });
        await expect(redis.eval("this is no Lua", [], [])).rejects.toThrow(/^ERR /);
        await expect(redis.evalsha("f".repeat(40), [], [])).rejects.toThrow(/^NOSCRIPT /);
        const script = redis.createScript("return ARGV[1]");
        expect(await script.exec([], ["first by EVAL"])).toBe("first by EVAL");
        expect(await script.exec([], ["then by EVALSHA"])).toBe("then by EVALSHA");
      });
    });

    describe("errors", () => {
      it("answers 400 with the error text of Redis", async () => {
        expect(await post("/", ["GET"])).toEqual({
          status: 400,
          body: { error: "ERR wrong number of arguments for 'get' command" },
        });
        await redis.set(key("word"), "text");
        await expect(redis.incr(key("word"))).rejects.toThrow(/^ERR value is not an integer or out of range/);
      });

      it("names an unknown command without its arguments", async () => {
        const { status, body } = await post("/", ["NOSUCHCOMMAND", "secret"]);
        expect(status).toBe(400);
        expect(body).toEqual({ error: "ERR Command is not available: 'NOSUCHCOMMAND'" });
      });

      const malformed: Record<string, string> = {
        "text that is not JSON": '["SET", "secret',
        nothing: "",
        "an object": '{"secret":1}',
        "an empty array": "[]",
        "a nested object": '["SET","k",{"secret":1}]',
        "a nested array": '["SET","k",["secret"]]',
        null: '["SET","k",null]',
      };
      for (const [what, body] of Object.entries(malformed)) {
        it(`refuses ${what} as a command, and does not repeat it`, async () => {
          for (const [path, text] of [
            ["/", body],
            ["/pipeline", body === "" ? "" : `[${body}]`],
            ["/multi-exec", body === "" ? "" : `[${body}]`],
          ] as const) {
            const response = await request(path, { method: "POST", body: text });
            const answer = await response.text();
            expect(response.status).toBe(400);
            expect(JSON.parse(answer)).toEqual({ error: expect.stringMatching(/^ERR /) as unknown });
            expect(answer).not.toContain("secret");
          }
        });
      }

      const unavailable = [
        ["BLPOP", "k", 0],
        ["XREAD", "COUNT", 1, "BLOCK", 0, "STREAMS", "k", "$"],
        ["xreadgroup", "GROUP", "g", "c", "block", 0, "STREAMS", "k", ">"],
        ["SUBSCRIBE", "c"],
        ["MULTI"],
        ["WATCH", "k"],
        ["SELECT", 1],
        ["SHUTDOWN"],
      ];
      for (const command of unavailable) {
        it(`refuses ${command.join(" ")} at once`, async () => {
          const { status, body } = await post("/", command);
          expect(status).toBe(400);
          expect(body).toEqual({
            error: expect.stringMatching(/^ERR Command is not available: '/) as unknown,
          });
        });
      }

      it("answers 405 to other methods", async () => {
        const response = await request("/ping", { method: "DELETE" });
        expect(response.status).toBe(405);
        expect(response.headers.get("allow")).toBe("HEAD, GET, POST, PUT");
      });

      it("refuses a request above 10 MB, and still works", async () => {
        const { status, body } = await post("/", ["SET", key("too-large"), "x".repeat(10 * 1024 * 1024)]);
        expect(status).toBe(413);
        expect(body).toEqual({ error: expect.stringMatching(/^ERR max request size exceeded/) as unknown });
        expect(await redis.exists(key("too-large"))).toBe(0);
      });
    });

    describe("tokens", () => {
      const wrongpass = { error: "WRONGPASS invalid or missing auth token" };

      it("refuses a wrong one and a missing one everywhere", async () => {
        await expect(clientWith({ token: "wrong" }).get(key("x"))).rejects.toThrow(/WRONGPASS/);
        for (const path of ["/ping", "/", "/pipeline", "/multi-exec", "/subscribe/c", "/ping?_token=wrong"]) {
          const answers = await Promise.all([
            fetch(`${rest.url}${path}`),
            fetch(`${rest.url}${path}`, { headers: { authorization: `Bearer ${rest.token}x` } }),
            fetch(`${rest.url}${path}`, { headers: { authorization: `Basic ${rest.token}` } }),
          ]);
          for (const answer of answers) {
            expect(answer.status).toBe(401);
            expect(await answer.json()).toEqual(wrongpass);
          }
        }
      });

      it("accepts a token in the query, which is not an argument", async () => {
        const response = await fetch(`${rest.url}/set/${inPath(key("query"))}/v?EX=50&_token=${rest.token}`);
        expect(await response.json()).toEqual({ result: "OK" });
        expect(await redis.ttl(key("query"))).toBeGreaterThan(40);
      });

      it("lets the read-only one read, by scripts too", async () => {
        const reader = clientWith({ token: rest.readOnlyToken });
        await redis.set(key("read"), "value");
        expect(await reader.mget(key("read"), key("absent"))).toEqual(["value", null]);
        expect(await reader.evalRo("return redis.call('GET', KEYS[1])", [key("read")], [])).toBe("value");
        expect(await reader.pipeline().get(key("read")).exists(key("absent")).exec()).toEqual(["value", 0]);
        expect(await reader.multi().get(key("read")).exec()).toEqual(["value"]);
      });

      it("lets the read-only one do nothing else", async () => {
        const reader = { authorization: `Bearer ${rest.readOnlyToken}` };
        const denied = (name: string) => ({
          error: `NOPERM this user has no permissions to run the '${name}' command or its subcommand`,
        });
        const commands = [
          ["set", key("denied"), "1"],
          ["eval", "return redis.call('SET', KEYS[1], '1')", 1, key("denied")],
          ["publish", "channel", "message"],
          ["getdel", key("denied")],
          ["keys", "*"],
          ["scan", 0],
          ["flushall"],
        ];
        for (const command of commands) {
          expect(await post("/", command, reader)).toEqual({ status: 400, body: denied(String(command[0])) });
        }
        expect(await post("/pipeline", commands, reader)).toEqual({
          status: 200,
          body: commands.map(([name]) => denied(String(name))),
        });
        const mixed = [["get", key("denied")], ...commands];
        expect(await post("/multi-exec", mixed, reader)).toEqual({ status: 400, body: denied("set") });
        const writing = ["EVAL_RO", "return redis.call('SET', KEYS[1], '1')", 1, key("denied")];
        const sneaky = await post("/", writing, reader);
        expect(sneaky.status).toBe(400);
        expect(await get("/subscribe/channel", reader)).toEqual({ status: 400, body: denied("subscribe") });
        expect(await redis.exists(key("denied"))).toBe(0);
      });
    });

    describe("channels", () => {
      it("delivers messages to the client's subscriptions, by name and by pattern", async () => {
        const channel = key("channel");
        const byName = redis.subscribe<string>(channel);
        const byPattern = redis.psubscribe<string>(`${prefix}chan*`);
        const heard: unknown[] = [];
        byName.on("message", (event) => heard.push(event));
        byPattern.on("pmessage", (event) => heard.push(event));
        await Promise.all([
          new Promise<void>((resolve) => byName.on("subscribe", () => resolve())),
          new Promise<void>((resolve) => byPattern.on("psubscribe", () => resolve())),
        ]);
        expect(await redis.publish(channel, "größer, oder nicht?")).toBe(2);
        await expect.poll(() => heard).toHaveLength(2);
        expect(heard).toEqual(
          expect.arrayContaining([
            { channel, message: "größer, oder nicht?" },
            { pattern: `${prefix}chan*`, channel, message: "größer, oder nicht?" },
          ]),
        );
        await Promise.all([byName.unsubscribe(), byPattern.unsubscribe()]);
      });

      it("formats its events as Upstash does, and forgets a client that leaves", async () => {
        const channel = key("raw");
        const leaving = new AbortController();
        const path = `/subscribe/${inPath(channel)}`;
        const response = await request(path, { method: "POST", body: "[]", signal: leaving.signal });
        expect(response.headers.get("content-type")).toBe("text/event-stream");
        const events = readEvents(response);
        expect(await events.next()).toBe(`data: subscribe,${channel},1`);
        expect(await get(`/publish/${inPath(channel)}/hello`)).toEqual({ status: 200, body: { result: 1 } });
        expect(await events.next()).toBe(`data: message,${channel},hello`);
        await redis.publish(channel, "two\nlines");
        expect(await events.next()).toBe(`data: message,${channel},two\ndata: lines`);
        leaving.abort();
        await expect.poll(() => redis.publish(channel, "gone")).toBe(0);
      });

      it("shows commands as they run on /monitor", async () => {
        const leaving = new AbortController();
        const response = await request("/monitor", { signal: leaving.signal });
        const events = readEvents(response);
        expect(await events.next()).toBe('data: "OK"');
        // Commands are missed until the connection listens, so repeat them.
        const asking = setInterval(() => void redis.get(key("monitored")), 10);
        let line = "";
        try {
          while (!line.includes(key("monitored"))) line = await events.next();
        } finally {
          clearInterval(asking);
        }
        expect(line).toMatch(/^data: \d+\.\d+ \[0 [^\]]+\] "GET" "/i);
        leaving.abort();
      });
    });

    it("stops promptly, although connections and streams are open", async () => {
      const other = await start();
      const headers = { authorization: `Bearer ${other.token}` };
      await (await fetch(`${other.url}/ping`, { headers })).text();
      const stream = await fetch(`${other.url}/subscribe/${inPath(key("stop"))}`, { headers });
      const ended = stream.text().catch(() => "cut off");
      const began = performance.now();
      await Promise.all([other.stop(), other.stop()]);
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(await ended).toMatch(/cut off|^data: subscribe/);
      await expect(fetch(`${other.url}/ping`, { headers })).rejects.toThrow(/fetch failed/);
    });
  });
}

/** Events of a stream one by one, without the blank line that ends each. */
function readEvents(response: Response): { next(): Promise<string> } {
  if (response.body === null) throw new Error("the answer has no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  return {
    async next() {
      while (!buffer.includes("\n\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the stream ended");
        buffer += value;
      }
      const end = buffer.indexOf("\n\n");
      const event = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      return event;
    },
  };
}
