import type { Context } from "hono";
import type { Exposure } from "../shared/x-flags/exposure.ts";
import type { Flags } from "../shared/x-flags/read-flags.ts";
import type { Bindings } from "./isolate/bindings.ts";
import type { Evaluation } from "./decide/evaluation.ts";
import type { ToBindings } from "./runtime.ts";

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

/** @throws TypeError when the options do not say where a rewritten request goes */
export function checkOptions<B extends object>(options: FlagsOptions<B>): FlagsOptions<B> {
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
