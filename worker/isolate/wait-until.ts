import type { Context } from "hono";

/** Keeps work alive after the response: `ExecutionContext.waitUntil`. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** Keeps a request's work alive behind its answer. In `app.request()` nothing can do that, and the work goes on by itself. */
export function waitUntilOf(c: Pick<Context, "executionCtx">): WaitUntil {
  const context = executionContextOf(c);
  return (work) => context?.waitUntil(work);
}

/** The execution context of a request; undefined where there is none, where Hono throws. */
export function executionContextOf(c: Pick<Context, "executionCtx">): ExecutionContext | undefined {
  try {
    return c.executionCtx as ExecutionContext;
  } catch {
    return undefined;
  }
}
