import { z } from "zod";
import { connectionFault } from "../api/connection-fault.ts";
import type { Edge } from "./edge-urls.ts";
import { jsonOrUndefined } from "../../../shared/flag/members.ts";

/** How long a worker has to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

// Loose: a newer worker may report more.
const edgeStatus = z.looseObject({
  epoch: z.number().nullable(),
  revision: z.number().nullable(),
  /** How long ago Redis confirmed the revision. */
  age_ms: z.number().nullable(),
  /** Absent in older workers. */
  kills_age_ms: z.number().nullish(),
  source: z.string(),
  /** How long ago this isolate updated to this revision; absent when it started with it. */
  since_ms: z.number().optional(),
  gates: z.string().optional(),
  fault: z.string().optional(),
  diverged: z.boolean().optional(),
});

export type EdgeStatus = z.output<typeof edgeStatus>;

/** The answer of one isolate. Times are by this machine's clock, in milliseconds. */
export interface Heard {
  readonly status: EdgeStatus;
  readonly sentAt: number;
  readonly heardAt: number;
}

/** Asks once. Never throws: no answer is a result too. */
export async function askEdge({ shownUrl, statusUrl }: Edge): Promise<Heard | { readonly problem: string }> {
  if (statusUrl === undefined) return { problem: "this is not an http:// or https:// address" };
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
    return { problem: `it answered ${response.status}, but not as a Sluice worker` };
  }
  return { status: parsed.data, sentAt, heardAt };
}
