import { parsePrecondition, toEntityTag, type Precondition } from "../write/precondition.ts";
import type { Version } from "../../shared/snapshot/revision.ts";

/** Whoever holds the one admin token. */
export const ACTOR = "admin";

/** The headers of a request and of its answer. */
export interface HeaderContext {
  header(name: string, value: string): void;
  readonly req: { header(name: string): string | undefined };
}

export function ifMatchOf(context: HeaderContext): Precondition {
  return parsePrecondition("If-Match", context.req.header("if-match"));
}

export function ifNoneMatchOf(context: HeaderContext): Precondition {
  return parsePrecondition("If-None-Match", context.req.header("if-none-match"));
}

/** Gives the tag that a later write is based on. */
export function setEntityTag(context: HeaderContext, version: Version): void {
  context.header("etag", toEntityTag(version));
}
