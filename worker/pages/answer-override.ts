import { OVERRIDE_PATH } from "../../shared/flag/override.ts";
import { evaluate, type EvaluationParts } from "../decide/evaluation.ts";
import { strip } from "../identity/strip.ts";
import { toFault } from "../isolate/fault.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { overrideCookie } from "../override/override-cookie.ts";
import { verifyOverride, type Override, type OverrideRules } from "../override/verify-override.ts";
import { readTarget, toOpening, type Opening } from "./override-link.ts";
import {
  OVERRIDE_HEADERS,
  askingPage,
  effectsOf,
  overridePage,
  refusedPage,
  type ShownOverride,
} from "./override-page.ts";

/**
 * Answers at `OVERRIDE_PATH`. A link with a token activates its override for this browser; when another page linked to
 * it, a page asks first. Without a token, a page shows the active override with a button that ends it. The origin never
 * sees these requests: their addresses contain tokens.
 */
export async function answerOverride(
  request: Request,
  parts: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<Response> {
  const { overrides: rules, report } = parts;
  if (rules === undefined) {
    return refusedPage(
      404,
      "Test overrides are not available here: OVERRIDE_KEYS is not set, or a setting is wrong.",
    );
  }
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") return methodNotAllowed();

  const { searchParams } = new URL(request.url);
  const token = searchParams.get("token");
  if (token === null) return method === "POST" ? end(request) : show(request, rules, parts, waitUntil);
  const opening = toOpening(request);
  const refusal = REFUSALS[method === "POST" ? "POST" : "GET"][opening];
  if (refusal !== undefined) return refusedPage(403, refusal);
  const target = readTarget(searchParams.get("to") ?? OVERRIDE_PATH);
  if (target === undefined) return refusedPage(400, "<code>to</code> must be a path of this site.");
  try {
    const override = await verifyOverride(token, rules, Date.now());
    if (method === "POST" || opening === "by hand") return begin(token, target, override);
    return askingPage(await toShown(override, token, request, parts, waitUntil));
  } catch (error) {
    const fault = toFault(error);
    if (fault.word === "override-ended") return refusedPage(410, "This link has expired. Ask for a new one.");
    report(fault);
    return refusedPage(403, "This link is not valid here. Ask for a new one.");
  }
}

const UNSEEN = "Open the link in its own tab.";
const NOT_FROM_HERE = "Overrides can be started and ended from this page only.";
const SERVICE_WORKER =
  "A service worker of this site handles this page and hides which page linked here. Reload this page while you hold the Shift key.";

/** Which openings may not open a link, and which may not activate it by the button. */
const REFUSALS: Readonly<Record<"GET" | "POST", Partial<Record<Opening, string>>>> = {
  GET: { unseen: UNSEEN, "through a service worker": SERVICE_WORKER },
  POST: { unseen: UNSEEN, "through a service worker": SERVICE_WORKER, "from elsewhere": NOT_FROM_HERE },
};

function begin(token: string, target: string, { endsAt }: Override): Response {
  return redirect(target, overrideCookie(token, Math.ceil((endsAt - Date.now()) / 1000)));
}

/** Only from its own page: another site must not change what a browser is shown. */
function end(request: Request): Response {
  const from = request.headers.get("sec-fetch-site");
  if (from !== null && from !== "same-origin" && from !== "none") return refusedPage(403, NOT_FROM_HERE);
  return redirect(OVERRIDE_PATH, overrideCookie("", 0));
}

async function show(
  request: Request,
  rules: OverrideRules,
  parts: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<Response> {
  const { override: token = "" } = strip(request.headers);
  let override;
  try {
    override = await verifyOverride(token, rules, Date.now());
  } catch {
    return overridePage(undefined);
  }
  return overridePage(await toShown(override, token, request, parts, waitUntil));
}

/** Decides like a page for the browser with this token, so that it shows what a page would get. */
async function toShown(
  { overrides, endsAt }: Override,
  token: string,
  request: Request,
  parts: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<ShownOverride> {
  const stripped = { ...strip(request.headers), override: token };
  return { effects: effectsOf(overrides, await evaluate(request, stripped, parts, waitUntil)), endsAt };
}

function redirect(location: string, cookie: string): Response {
  return new Response(null, {
    status: 303,
    headers: {
      ...OVERRIDE_HEADERS,
      location,
      "set-cookie": cookie,
      // The browser's stored pages were made before this change.
      "clear-site-data": '"cache"',
    },
  });
}

function methodNotAllowed(): Response {
  const answer = refusedPage(405, "GET shows the active override, POST starts or ends one.");
  answer.headers.set("allow", "GET, HEAD, POST");
  return answer;
}
