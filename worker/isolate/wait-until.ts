import type { Context } from "hono";

/** Keeps work alive after the response: `ExecutionContext.waitUntil`. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** Keeps work of a request alive behind its answer; where nothing can, as in `app.request()`, it goes on by itself. */
export function waitUntilOf(c: Pick<Context, "executionCtx">): WaitUntil {
  const context = executionContextOf(c);
  return (work) => context?.waitUntil(work);
}

/** The runtime's context of a request, undefined where there is none: Hono throws then. */
export function executionContextOf(c: Pick<Context, "executionCtx">): ExecutionContext | undefined {
  try {
    return c.executionCtx as ExecutionContext;
  } catch {
    return undefined;
  }
}
