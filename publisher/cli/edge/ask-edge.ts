import { z } from "zod";
import { connectionFault } from "../api/connection-fault.ts";
import type { Edge } from "./edge-urls.ts";
import { jsonOrUndefined } from "../../../shared/flag/members.ts";

/** How long a worker has to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

// Loose: a newer worker may say more.
const edgeStatus = z.looseObject({
  epoch: z.number().nullable(),
  revision: z.number().nullable(),
  /** How long ago Redis confirmed that. */
  age_ms: z.number().nullable(),
  /** A worker of an older version does not say it. */
  kills_age_ms: z.number().nullish(),
  source: z.string(),
  /** How long ago this isolate came from an older revision to this one; absent when it began with it. */
  since_ms: z.number().optional(),
  gates: z.string().optional(),
  fault: z.string().optional(),
  diverged: z.boolean().optional(),
});

export type EdgeStatus = z.output<typeof edgeStatus>;

/** What one isolate of an edge said. Times are this machine's, in milliseconds. */
export interface Heard {
  readonly status: EdgeStatus;
  readonly sentAt: number;
  readonly heardAt: number;
}

/** Asks once. Never throws: that an edge does not answer is what was to be found out. */
export async function askEdge({ shownUrl, statusUrl }: Edge): Promise<Heard | { readonly problem: string }> {
  if (statusUrl === undefined) return { problem: "this is no http:// or https:// address" };
  const sentAt = performance.now();
  let response: Response;
  let text: string;
  try {
    response = await fetch(statusUrl, {
      headers: { accept: "application/json", "user-agent": "sluice-cli" },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const connection = { url: statusUrl, shownUrl, token: "", source: "environment" } as const;
    return { problem: connectionFault(error, connection, { changes: false, timeoutMs: TIMEOUT_MS }).message };
  }
  const heardAt = performance.now();
  const parsed = edgeStatus.safeParse(jsonOrUndefined(text));
  if (response.status !== 200 || !parsed.success) {
    return { problem: `it answered ${response.status}, and not as a Sluice worker` };
  }
  return { status: parsed.data, sentAt, heardAt };
}
