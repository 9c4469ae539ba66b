import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { SignJWT } from "jose";
import { readFlags, type Flags } from "../../shared/x-flags/read-flags.ts";
import { startOrigin, type Origin } from "../support/origin.ts";

export interface Site extends Origin {
  /** HTML that a guest has written into `/guest`; the page accepts any HTML. */
  guestbook: string;
}

interface SiteOptions {
  /** The worker's SIGNING_KEYS. */
  readonly keys: string;
  /** Signs the token of the signed-in user. */
  readonly jwtSecret: string;
}

/** The content of a page of the site. */
export interface Page {
  /** The requested path; a gate may have chosen it. */
  readonly path: string;
  readonly flags: readonly string[];
  /** The flags that a test override decided. */
  readonly override: readonly string[];
  /** The targeting key that the worker sent. */
  readonly key: string;
  /** The number of this page; a copy has the number of its original. */
  readonly made: number;
  /** The body of a POST. */
  readonly body?: string;
}

/** An entity tag that comes from the build, not from the content, as on many sites. */
const TAG = '"build-7"';

/** The caching headers by path. Other pages have none. */
const TO_CACHES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "/tagged": { etag: TAG },
  "/own-minute": { etag: TAG, "cache-control": "private, max-age=60" },
  "/for-all": { etag: TAG, "cache-control": "public, max-age=600" },
  "/never-kept": { "cache-control": "no-store" },
};

/** Starts a site that verifies its flags and renders by them, signs users in, streams events and echoes WebSockets. */
export async function startSite({ keys, jwtSecret }: SiteOptions): Promise<Site> {
  const site = Object.assign(await startOrigin(), { guestbook: "" });
  let made = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://site.invalid");
    const flags = await readFlags(request.headers, { keys, now: Date.now(), request });
    if (flags.problem !== undefined) throw new Error(`the flag headers are not valid: ${flags.problem}`);
    if (path === "/sign-in") {
      response.setHeader("set-cookie", await whoCookie(searchParams.get("user"), searchParams.get("claim")));
      return void response.writeHead(303, { location: "/" }).end();
    }
    if (path === "/sign-out") {
      response.setHeader("set-cookie", "__Host-who=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
      return void response.writeHead(303, { location: "/" }).end();
    }
    if (path === "/moved") {
      const location = flags.isEnabled("ai_search") ? "/on" : "/off";
      return void response.writeHead(301, { location }).end();
    }
    if (request.headers.accept === "text/event-stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      return void response.end(`data: ${path}\n\n`);
    }
    if (path === "/worker.js") {
      response.setHeader("content-type", "text/javascript");
      return void response.end(searchParams.get("code"));
    }
    const body = request.method === "POST" ? await text(request) : undefined;
    for (const [name, value] of Object.entries(TO_CACHES[path] ?? {})) response.setHeader(name, value);
    if (request.headers["if-none-match"] === TAG) return void response.writeHead(304).end();
    made += 1;
    const page = toPage(path, flags, made, body);
    const isData = path.startsWith("/api/");
    response.setHeader("content-type", isData ? "application/json" : "text/html; charset=utf-8");
    response.end(isData ? JSON.stringify(page) : toHtml(page, path === "/guest" ? site.guestbook : ""));
  }

  async function whoCookie(user: string | null, claim: string | null): Promise<string> {
    const token = await new SignJWT(claim === null ? {} : { anonymous_id: claim })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(user ?? "")
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(jwtSecret));
    return `__Host-who=${token}; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax`;
  }

  site.answer = (request, response) => {
    answer(request, response).catch((error: unknown) => void response.writeHead(500).end(String(error)));
  };
  return site;
}

function toPage(path: string, flags: Flags, made: number, body: string | undefined): Page {
  const { enabled, context } = flags;
  return {
    path,
    flags: enabled,
    override: context?.override ?? [],
    key: context?.targetingKey ?? "",
    made,
    ...(body !== undefined && { body }),
  };
}

function toHtml(page: Page, more: string): string {
  const json = JSON.stringify(page).replaceAll("<", String.raw`\u003c`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
<h1>${page.flags.includes("ai_search") ? "AI search" : "Search"}</h1>
<script type="application/json" id="page">${json}</script>
${more}</html>`;
}
