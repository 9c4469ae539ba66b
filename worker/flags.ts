import type { Context, MiddlewareHandler } from "hono";
import type { Exposure } from "../shared/x-flags/exposure.ts";
import { OVERRIDE_PATH } from "../shared/flag/override.ts";
import { answerOverride } from "./pages/answer-override.ts";
import { closedPage } from "./gates/closed-page.ts";
import { toFlags } from "./decide/decided-flags.ts";
import { toCourse } from "./gates/course.ts";
import type { Bindings } from "./isolate/bindings.ts";
import { evaluate } from "./decide/evaluation.ts";
import { finish } from "./answer/finish.ts";
import { checkOptions, type FlagsEnv, type FlagsOptions, type FlagsVariables } from "./flags-options.ts";
import { toOnward } from "./origin/onward.ts";
import { toPageDecision } from "./decide/page-decision.ts";
import { passGates } from "./decide/pass-gates.ts";
import { runtimeOf } from "./runtime.ts";
import { evaluateStatic } from "./decide/static-evaluation.ts";
import { strip } from "./identity/strip.ts";
import { createValidators } from "./answer/validators.ts";
import { executionContextOf, waitUntilOf } from "./isolate/wait-until.ts";

export type { FlagsEnv, FlagsOptions } from "./flags-options.ts";

/** A request that has been decided, when it meets the middleware again. Not by a header: that, anyone could send. */
const decidedRequests = new WeakMap<Request, FlagsVariables>();

/**
 * Decides every flag, once per request: strip -> identify -> snapshot -> decide -> gate -> the handlers behind it ->
 * cookie. They find `c.var.flags`, and in `c.req.raw` a request that holds nothing a client could have said in our
 * name. It stands before everything that answers, or reads `x-flags`.
 *
 * @example
 * const app = new Hono<FlagsEnv>();
 * app.use(flags({ rewrite: app.fetch }));
 * app.get("/", (c) => c.html(c.var.flags.isEnabled("ai_search") ? aiPage : classicPage));
 *
 * @throws TypeError when the options do not say where a rewritten request goes
 */
export function flags<B extends object = Bindings>(options: FlagsOptions<B>): MiddlewareHandler<FlagsEnv<B>> {
  const { bindings, rewrite, destination, onExposure } = checkOptions(options);

  return async function flags(c, next) {
    const already = decidedRequests.get(c.req.raw);
    if (already !== undefined) {
      remember(c, already);
      return next();
    }
    const received = c.req.raw;
    const runtime = runtimeOf(c.env, bindings);
    const waitUntil = waitUntilOf(c);
    if (c.req.path === OVERRIDE_PATH) return answerOverride(received, runtime, waitUntil);
    const stripped = strip(received.headers);
    const target = destination?.(received, c.env) ?? new URL(received.url);
    const evaluation =
      (await evaluateStatic(received, target, runtime, waitUntil)) ??
      (await evaluate(received, stripped, runtime, waitUntil));
    const { reading, decided } = evaluation;

    const gates = reading.cached?.gates ?? runtime.deployed;
    const course = toCourse(received, target, (url) => passGates(gates, decided, url));
    const leaving = { evaluation, expose: runtime.expose, waitUntil };
    if ("closed" in course) return finish(closedPage(received, course.closed), leaving);

    const { headers } = stripped;
    const decision = (): unknown => toPageDecision(headers, course.url, decided);
    const validators = createValidators(received.method, decision, runtime.tagSecret);
    const onward = await toOnward(c.req, { evaluation, course, headers, validators, runtime });
    const tell = onExposure && ((exposure: Exposure) => onExposure(exposure, c));
    const variables = { evaluation, flags: toFlags(evaluation, onward.headers, tell) };
    decidedRequests.set(onward, variables);

    const finishing = { ...leaving, page: course.page, validators };
    if (rewrite !== undefined && course.url.pathname !== target.pathname) {
      return finish(await rewrite(onward, c.env, executionContextOf(c)), finishing);
    }
    c.req.raw = onward;
    remember(c, variables);
    await next();
    // Without an answer there is none to finish: Hono says that a handler forgot it.
    if (!c.finalized) return;
    const finished = await finish(c.res, finishing);
    // Emptied first: Hono would lay the old answer's headers over the new one's.
    c.res = undefined;
    c.res = finished;
  };
}

function remember<B extends object>(c: Context<FlagsEnv<B>>, { flags, evaluation }: FlagsVariables): void {
  c.set("flags", flags);
  c.set("evaluation", evaluation);
}
