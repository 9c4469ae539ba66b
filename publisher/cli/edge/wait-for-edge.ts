import { setTimeout as sleep } from "node:timers/promises";
import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import { askEdge, type EdgeStatus, type Heard } from "./ask-edge.ts";
import type { Edge } from "./edge-urls.ts";

/**
 * What an edge has to say before it is believed to know of a kill: a revision that has it; or, of a kill that no
 * snapshot has yet, that it asked Redis after Redis had the kill (`confirmedAfter`, this machine's clock).
 */
export type Proof = { readonly version: Version } | { readonly confirmedAfter: number };

/** What came of waiting for one edge. */
export interface EdgeOutcome {
  readonly edge: Edge;
  /** This machine's clock, in milliseconds, at the latest; undefined: it did not say so in time. */
  readonly hadAt?: number;
  /** What it said last. */
  readonly status?: EdgeStatus;
  /** Why it said nothing, when it did not. */
  readonly problem?: string;
}

const POLL_MS = 200;

/** Asks one edge again and again until it has the kill, or the time is over. */
export async function waitForEdge(edge: Edge, proof: Proof, deadline: number): Promise<EdgeOutcome> {
  for (;;) {
    const heard = await askEdge(edge);
    const hadAt = "problem" in heard ? undefined : hasIt(heard, proof);
    const isOver = performance.now() + POLL_MS > deadline || edge.statusUrl === undefined;
    if (hadAt !== undefined || isOver) {
      return {
        edge,
        ...("problem" in heard ? heard : { status: heard.status }),
        ...(hadAt !== undefined && { hadAt }),
      };
    }
    await sleep(POLL_MS);
  }
}

/** When the edge had the kill at the latest; undefined when what it says proves nothing. */
export function hasIt({ status, sentAt, heardAt }: Heard, proof: Proof): number | undefined {
  const { epoch, revision, age_ms: age, since_ms: since } = status;
  if (epoch === null || revision === null || age === null) return undefined;
  if ("confirmedAfter" in proof) {
    // Kills count also where the head beside them is refused. Both ends of the age are of the worker's clock, so
    // neither clock has to be right.
    return sentAt - (status.kills_age_ms ?? age) >= proof.confirmedAfter ? heardAt : undefined;
  }

  const order = compareVersions({ epoch, revision }, proof.version);
  if (order < 0) return undefined;
  // Since when it has a later one says nothing of this one.
  return order === 0 && since !== undefined ? heardAt - since : heardAt;
}
