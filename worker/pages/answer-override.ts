import { OVERRIDE_PATH } from "../../shared/flag/override.ts";
import { toFault } from "../isolate/fault.ts";
import { evaluate, type EvaluationParts } from "../decide/evaluation.ts";
import { overrideCookie } from "../override/override-cookie.ts";
import { effectsOf } from "./override-effect.ts";
import { toOpening, type Opening } from "./opening.ts";
import {
  OVERRIDE_HEADERS,
  askingPage,
  overridePage,
  refusedPage,
  type ShownOverride,
} from "./override-page.ts";
import { readTarget } from "./override-target.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { strip } from "../identity/strip.ts";
import { verifyOverride, type Override, type OverrideRules } from "../override/verify-override.ts";

/**
 * Answers at `OVERRIDE_PATH`: a link with a token puts its override into force for this browser, after a question where
 * another page led to it; without one a page shows what is, and its button ends it. The origin never sees these
 * requests: their addresses hold tokens.
 */
export async function answerOverride(
  request: Request,
  runtime: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<Response> {
  const { overrides: rules, report } = runtime;
  if (rules === undefined)
    return refusedPage(404, "There are none here: OVERRIDE_KEYS is not set, or a setting is wrong.");
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") return onlyThese();

  const { searchParams } = new URL(request.url);
  const token = searchParams.get("token");
  if (token === null) return method === "POST" ? end(request) : show(request, rules, runtime, waitUntil);
  const opening = toOpening(request);
  const refusal = REFUSALS[method === "POST" ? "POST" : "GET"][opening];
  if (refusal !== undefined) return refusedPage(403, refusal);
  const target = readTarget(searchParams.get("to") ?? OVERRIDE_PATH);
  if (target === undefined) return refusedPage(400, "<code>to</code> must be a path of this site.");
  try {
    const override = await verifyOverride(token, rules, Date.now());
    if (method === "POST" || opening === "by hand") return begin(token, target, override);
    return askingPage(await toShown(override, token, request, runtime, waitUntil));
  } catch (error) {
    const fault = toFault(error);
    if (fault.word === "override-ended") return refusedPage(410, "This link has ended. Ask for a new one.");
    report(fault);
    return refusedPage(403, "This link does not hold here. Ask for a new one.");
  }
}

const UNSEEN = "Open the link in a tab of its own.";
const NOT_FROM_HERE = "Overrides are begun and ended from this page alone.";
const SERVICE_WORKER =
  "A service worker of this site stands in between, so it cannot be seen who led you here. Reload this page with the Shift key held down.";

/** Who cannot open a link, and who cannot put it into force by the button; `undefined` is nobody. */
const REFUSALS: Readonly<Record<"GET" | "POST", Partial<Record<Opening, string>>>> = {
  GET: { unseen: UNSEEN, "through a service worker": SERVICE_WORKER },
  POST: { unseen: UNSEEN, "through a service worker": SERVICE_WORKER, "from elsewhere": NOT_FROM_HERE },
};

function begin(token: string, target: string, { endsAt }: Override): Response {
  return redirect(target, overrideCookie(token, Math.ceil((endsAt - Date.now()) / 1000)));
}

/** Only from its own page: another site has no say in what a browser is shown. */
function end(request: Request): Response {
  const from = request.headers.get("sec-fetch-site");
  if (from !== null && from !== "same-origin" && from !== "none") return refusedPage(403, NOT_FROM_HERE);
  return redirect(OVERRIDE_PATH, overrideCookie("", 0));
}

async function show(
  request: Request,
  rules: OverrideRules,
  runtime: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<Response> {
  const { override: token = "" } = strip(request.headers);
  let override;
  try {
    override = await verifyOverride(token, rules, Date.now());
  } catch {
    return overridePage(undefined);
  }
  return overridePage(await toShown(override, token, request, runtime, waitUntil));
}

/** Decided as a page is for whoever has this token, so that it says what a page would be told. */
async function toShown(
  { overrides, endsAt }: Override,
  token: string,
  request: Request,
  runtime: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<ShownOverride> {
  const stripped = { ...strip(request.headers), override: token };
  return { effects: effectsOf(overrides, await evaluate(request, stripped, runtime, waitUntil)), endsAt };
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
  const answer = refusedPage(405, "GET shows what is in force, POST begins or ends it.");
  answer.headers.set("allow", "GET, HEAD, POST");
  return answer;
}
