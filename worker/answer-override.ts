import { OVERRIDE_PATH } from "../shared/override.ts";
import { toFault } from "./fault.ts";
import { evaluate } from "./evaluation.ts";
import { overrideCookie } from "./override-cookie.ts";
import { effectsOf } from "./override-effect.ts";
import { OVERRIDE_HEADERS, overridePage, refusedPage } from "./override-page.ts";
import { readTarget } from "./override-target.ts";
import type { Runtime } from "./runtime.ts";
import type { WaitUntil } from "./snapshot-reader.ts";
import { strip } from "./strip.ts";
import { verifyOverride, type OverrideRules } from "./verify-override.ts";

/**
 * Answers at `OVERRIDE_PATH`: a link with a token puts its override into force for this browser, without one a page
 * shows what is, and its button ends it. The origin never sees these requests: their addresses hold tokens.
 */
export async function answerOverride(
  request: Request,
  runtime: Runtime,
  waitUntil: WaitUntil,
): Promise<Response> {
  const { overrides, report } = runtime;
  if (overrides === undefined)
    return refusedPage(404, "There are none here: OVERRIDE_KEYS is not set, or a setting is wrong.");
  if (request.method === "POST") return end(request);
  if (request.method !== "GET" && request.method !== "HEAD") return onlyThese();

  const { searchParams } = new URL(request.url);
  const token = searchParams.get("token");
  if (token === null) return show(request, overrides, runtime, waitUntil);
  if (!isOpened(request)) return refusedPage(403, "Open the link in a tab of its own.");
  const target = readTarget(searchParams.get("to") ?? OVERRIDE_PATH);
  if (target === undefined) return refusedPage(400, "<code>to</code> must be a path of this site.");
  try {
    return await begin(token, target, overrides);
  } catch (error) {
    const fault = toFault(error);
    if (fault.word === "override-ended") return refusedPage(410, "This link has ended. Ask for a new one.");
    report(fault);
    return refusedPage(403, "This link does not hold here. Ask for a new one.");
  }
}

async function begin(token: string, target: string, rules: OverrideRules): Promise<Response> {
  const now = Date.now();
  const { endsAt } = await verifyOverride(token, rules, now);
  return redirect(target, overrideCookie(token, Math.ceil((endsAt - now) / 1000)));
}

/** Only from its own page: another site has no say in what a browser is shown. */
function end(request: Request): Response {
  const from = request.headers.get("sec-fetch-site");
  if (from !== null && from !== "same-origin" && from !== "none") {
    return refusedPage(403, "Overrides are ended from this page alone.");
  }
  return redirect(OVERRIDE_PATH, overrideCookie("", 0));
}

/** Decided as a page is, so that it says what a page would be told. */
async function show(
  request: Request,
  rules: OverrideRules,
  runtime: Runtime,
  waitUntil: WaitUntil,
): Promise<Response> {
  const stripped = strip(request.headers);
  let override;
  try {
    override = await verifyOverride(stripped.override ?? "", rules, Date.now());
  } catch {
    return overridePage(undefined);
  }
  const { overrides, endsAt } = override;
  const evaluation = await evaluate(request, stripped, runtime, waitUntil);
  return overridePage({ effects: effectsOf(overrides, evaluation), endsAt });
}

/**
 * Whether somebody opened the link: not a prefetch, and not an image or a frame of another page, of which nobody would
 * know. What says nothing of it (curl, an older browser) is taken at its word.
 */
function isOpened({ method, headers }: Request): boolean {
  const destination = headers.get("sec-fetch-dest");
  return (
    method === "GET" &&
    (destination === null || destination === "document") &&
    !headers.has("sec-purpose") &&
    !headers.has("purpose") &&
    !headers.has("x-moz")
  );
}

function redirect(location: string, cookie: string): Response {
  return new Response(null, {
    status: 303,
    headers: {
      ...OVERRIDE_HEADERS,
      location,
      "set-cookie": cookie,
      // Pages that the browser has kept were made without the override, or with it.
      "clear-site-data": '"cache"',
    },
  });
}

function onlyThese(): Response {
  const answer = refusedPage(405, "GET shows what is in force, POST ends it.");
  answer.headers.set("allow", "GET, HEAD, POST");
  return answer;
}
