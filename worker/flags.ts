import type { Context, MiddlewareHandler } from "hono";
import { OVERRIDE_PATH } from "../shared/override.ts";
import type { Exposure } from "../shared/exposure.ts";
import type { Flags } from "../shared/read-flags.ts";
import { answerOverride } from "./answer-override.ts";
import { closedPage } from "./closed-page.ts";
import { toFlags } from "./decided-flags.ts";
import type { Bindings } from "./env.ts";
import { evaluate, type Evaluation } from "./evaluation.ts";
import { finish } from "./finish.ts";
import { toOnward } from "./onward.ts";
import { toPageDecision } from "./page-decision.ts";
import { passGates } from "./pass-gates.ts";
import { runtimeOf, type ToBindings } from "./runtime.ts";
import { evaluateStatic } from "./static-evaluation.ts";
import { findSitePage } from "./site-page.ts";
import { strip } from "./strip.ts";
import { tellOrigin } from "./tell-origin.ts";
import { createValidators } from "./validators.ts";
import { executionContextOf, waitUntilOf } from "./wait-until.ts";

/** What handlers behind the middleware find in `c.var`. */
export interface FlagsVariables {
  /** The flags of this request. */
  readonly flags: Flags;
  /** What they were decided by; for those who pass the request on. */
  readonly evaluation: Evaluation;
}

interface Common<B extends object> {
  /**
   * Takes the worker's bindings out of the application's, where they have other names there. Called once for each
   * environment object; by default they are the application's own.
   */
  readonly bindings?: ToBindings<B>;
  /**
   * Hears of each flag that a handler asks for, once a request. What it throws or rejects with is dropped; work that goes
   * on behind the answer has to be kept alive by `c.executionCtx.waitUntil`.
   */
  readonly onExposure?: (exposure: Exposure, c: Context<FlagsEnv<B>>) => unknown;
}

/** Pages are served by this application. */
interface ServedHere<B extends object> extends Common<B> {
  /**
   * Serves a request whose path a gate has rewritten: the application's own `fetch`, of the outermost one where
   * applications are nested. The router has chosen the gated page by then, so it has to choose again.
   */
  readonly rewrite: (request: Request, env: B, ctx?: ExecutionContext) => Response | Promise<Response>;
  readonly destination?: never;
}

/** The request is passed on by a handler that goes by `c.req.raw` alone and not by the route. */
interface PassedOn<B extends object> extends Common<B> {
  /** Under which URL; its host and path stand in `x-flags-context`. */
  readonly destination: (request: Request, env: B) => URL;
  readonly rewrite?: never;
}

export type FlagsOptions<B extends object = Bindings> = ServedHere<B> | PassedOn<B>;

export interface FlagsEnv<B extends object = Bindings> {
  Bindings: B;
  Variables: FlagsVariables;
}

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
    if (c.req.path === OVERRIDE_PATH) return answerOverride(received, runtime);
    const waitUntil = waitUntilOf(c);
    const stripped = strip(received.headers);
    const target = destination?.(received, c.env) ?? new URL(received.url);
    const evaluation =
      (await evaluateStatic(received, target, runtime, waitUntil)) ??
      (await evaluate(received, stripped, runtime, waitUntil));
    const { reading, decided, isStatic } = evaluation;
    const leaving = { expose: runtime.expose, waitUntil };

    const pass = (url: URL) => passGates(reading.held?.gates ?? runtime.deployed, decided, url);
    const passage = pass(target);
    const page =
      "closed" in passage && !isStatic ? findSitePage(received, passage.closed, target, pass) : undefined;
    if ("closed" in passage && page === undefined) {
      return finish(evaluation, closedPage(received, passage.closed), leaving);
    }
    const { url, method } = page ?? { url: "url" in passage ? passage.url : target, method: received.method };

    const { headers } = stripped;
    const validators = createValidators(
      received.method,
      () => toPageDecision(headers, url, decided),
      runtime.tagSecret,
    );
    if (!isStatic) {
      const told = await tellOrigin({ ...evaluation, destination: { method, url }, kept: headers }, runtime);
      for (const [name, value] of told) headers.set(name, value);
      await validators.unmark(headers);
    }
    const onward = page?.toRequest(headers) ?? (await toOnward(c.req, url, headers, isStatic));
    const tell = onExposure && ((exposure: Exposure) => onExposure(exposure, c));
    const variables = { evaluation, flags: toFlags(evaluation, onward.headers, tell) };
    decidedRequests.set(onward, variables);

    const toAnswer = (answer: Response): Response => page?.toAnswer(answer) ?? answer;
    if (rewrite !== undefined && url.pathname !== target.pathname) {
      return finish(evaluation, toAnswer(await rewrite(onward, c.env, executionContextOf(c))), {
        ...leaving,
        validators,
      });
    }
    c.req.raw = onward;
    remember(c, variables);
    await next();
    const finished = await finish(evaluation, toAnswer(c.res), { ...leaving, validators });
    if (finished === c.res) return;
    // Emptied first: Hono would lay the old answer's headers over the new one's.
    c.res = undefined;
    c.res = finished;
  };
}

function checkOptions<B extends object>(options: FlagsOptions<B>): FlagsOptions<B> {
  const { rewrite, destination } = options;
  if (
    typeof (rewrite ?? destination) !== "function" ||
    (rewrite !== undefined && destination !== undefined)
  ) {
    throw new TypeError(
      "flags({ … }) needs either rewrite: app.fetch, for pages that this worker serves, or destination, for requests that it passes on",
    );
  }
  return options;
}

function remember<B extends object>(c: Context<FlagsEnv<B>>, { flags, evaluation }: FlagsVariables): void {
  c.set("flags", flags);
  c.set("evaluation", evaluation);
}
