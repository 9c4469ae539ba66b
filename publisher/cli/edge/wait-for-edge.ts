import { setTimeout as sleep } from "node:timers/promises";
import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import { askEdge, type EdgeStatus, type Heard } from "./ask-edge.ts";
import type { Edge } from "./edge-urls.ts";

/**
 * Proof that an edge has a kill: a revision that contains it; or, for a kill that no snapshot has yet, a read of Redis
 * after Redis had the kill (`confirmedAfter`, by this machine's clock).
 */
export type Proof = { readonly version: Version } | { readonly confirmedAfter: number };

/** The result of waiting for one edge. */
export interface EdgeOutcome {
  readonly edge: Edge;
  /** When the edge had the kill at the latest, in milliseconds; undefined: not confirmed in time. */
  readonly hadAt?: number;
  /** Its last status. */
  readonly status?: EdgeStatus;
  /** Why it did not answer. */
  readonly problem?: string;
}

const POLL_MS = 200;

/** Asks one edge until it has the kill or the time is over. */
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

/** When the edge had the kill at the latest; undefined when its status proves nothing. */
export function hasIt({ status, sentAt, heardAt }: Heard, proof: Proof): number | undefined {
  const { epoch, revision, age_ms: age, since_ms: since } = status;
  if (epoch === null || revision === null || age === null) return undefined;
  if ("confirmedAfter" in proof) {
    // Kills count even when the head is rejected. The age is a difference on the worker's clock, so no clock has to be
    // correct.
    return sentAt - (status.kills_age_ms ?? age) >= proof.confirmedAfter ? heardAt : undefined;
  }

  const order = compareVersions({ epoch, revision }, proof.version);
  if (order < 0) return undefined;
  // The age of a later revision says nothing about this one.
  return order === 0 && since !== undefined ? heardAt - since : heardAt;
}
