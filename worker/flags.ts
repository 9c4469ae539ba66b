import type { Context, MiddlewareHandler } from "hono";
import { OVERRIDE_PATH } from "../shared/flag/override.ts";
import { passGates } from "../shared/gate/pass-gates.ts";
import type { Exposure } from "../shared/x-flags/exposure.ts";
import type { Flags } from "../shared/x-flags/read-flags.ts";
import { finish } from "./answer/finish.ts";
import { createValidators } from "./answer/validators.ts";
import { isOnIn, toPageDecision } from "./decide/decide.ts";
import { toFlags } from "./decide/decided-flags.ts";
import { evaluate, type Evaluation } from "./decide/evaluation.ts";
import { evaluateStatic } from "./decide/static-evaluation.ts";
import { toCourse } from "./gates/course.ts";
import { closedPage } from "./gates/site-page.ts";
import { strip } from "./identity/strip.ts";
import type { Bindings } from "./isolate/bindings.ts";
import { executionContextOf, waitUntilOf } from "./isolate/wait-until.ts";
import { toOnward } from "./origin/onward.ts";
import { answerOverride } from "./pages/answer-override.ts";
import { runtimeOf, type ToBindings } from "./runtime.ts";

/** What handlers behind the middleware find in `c.var`. */
export interface FlagsVariables {
  /** The flags of this request. */
  readonly flags: Flags;
  /** How they were decided; for handlers that pass the request on. */
  readonly evaluation: Evaluation;
}

export interface FlagsEnv<B extends object = Bindings> {
  Bindings: B;
  Variables: FlagsVariables;
}

interface CommonOptions<B extends object> {
  /**
   * Returns the worker's bindings, for an application that names its own differently. Called once for each environment
   * object; by default they are the application's own.
   */
  readonly bindings?: ToBindings<B>;
  /**
   * Called for each flag that a handler asks for, once a request. What it throws or rejects with is dropped. Work that
   * goes on behind the answer needs `c.executionCtx.waitUntil`.
   */
  readonly onExposure?: (exposure: Exposure, c: Context<FlagsEnv<B>>) => unknown;
}

/** This application serves the pages. */
interface ServedHere<B extends object> extends CommonOptions<B> {
  /**
   * Serves a request whose path a gate has rewritten: the application's own `fetch`, of the outermost one where
   * applications are nested. The router has chosen the gated page already, so it has to choose again.
   */
  readonly rewrite: (request: Request, env: B, ctx?: ExecutionContext) => Response | Promise<Response>;
  readonly destination?: never;
}

/** A handler passes the request on. It must use `c.req.raw` and not the route. */
interface PassedOn<B extends object> extends CommonOptions<B> {
  /** The URL of the next hop; `x-flags-context` contains its host and path. */
  readonly destination: (request: Request, env: B) => URL;
  readonly rewrite?: never;
}

export type FlagsOptions<B extends object = Bindings> = ServedHere<B> | PassedOn<B>;

/** Decided requests that meet the middleware again. They are not marked by a header, which anyone could send. */
const decidedRequests = new WeakMap<Request, FlagsVariables>();

/**
 * Decides every flag, once per request: strip -> identify -> snapshot -> decide -> gate -> the handlers behind it ->
 * cookie. The handlers find `c.var.flags`, and in `c.req.raw` a request without any header that a client wrote in
 * Sluice's name. Use it before everything that answers or reads `x-flags`.
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
      setVariables(c, already);
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
    const isOn = isOnIn(decided);
    const course = toCourse(received, target, (url) => passGates(gates, isOn, url));
    const leaving = { evaluation, expose: runtime.expose, waitUntil };
    if ("closed" in course) return finish(closedPage(received, course.closed), leaving);

    const { headers } = stripped;
    const decision = (): unknown => toPageDecision(headers, course.url, decided);
    const validators = createValidators(received.method, decision, runtime.tagSecret);
    const onward = await toOnward(c.req, { evaluation, course, headers, validators, runtime });
    const expose = onExposure && ((exposure: Exposure) => onExposure(exposure, c));
    const variables = { evaluation, flags: toFlags(evaluation, onward.headers, expose) };
    decidedRequests.set(onward, variables);

    const finishing = { ...leaving, page: course.page, validators };
    if (rewrite !== undefined && course.url.pathname !== target.pathname) {
      return finish(await rewrite(onward, c.env, executionContextOf(c)), finishing);
    }
    c.req.raw = onward;
    setVariables(c, variables);
    await next();
    // A handler returned no answer, and Hono reports that itself.
    if (!c.finalized) return;
    const finished = await finish(c.res, finishing);
    // Cleared first: Hono would copy the old answer's headers over the new one's.
    c.res = undefined;
    c.res = finished;
  };
}

function setVariables<B extends object>(
  c: Context<FlagsEnv<B>>,
  { flags, evaluation }: FlagsVariables,
): void {
  c.set("flags", flags);
  c.set("evaluation", evaluation);
}

function checkOptions<B extends object>(options: FlagsOptions<B>): FlagsOptions<B> {
  const { rewrite, destination } = options;
  const isEither = (rewrite === undefined) !== (destination === undefined);
  if (!isEither || typeof (rewrite ?? destination) !== "function") {
    throw new TypeError(
      "flags({ … }) needs one of two options: rewrite: app.fetch, for pages that this worker serves, or destination, for requests that it passes on",
    );
  }
  return options;
}
