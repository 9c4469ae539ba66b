import { compareVersions } from "../../../shared/snapshot/revision.ts";
import type { Status } from "../api/answers.ts";
import type { Cell } from "../terminal/table.ts";
import { visible } from "../terminal/visible.ts";
import { durationInWords } from "../words/amounts.ts";
import type { Heard } from "./ask-edge.ts";
import type { Edge } from "./edge-urls.ts";

/** The state of one isolate, compared with Postgres. */
export interface EdgeLook {
  readonly edge: Edge;
  readonly problem?: string;
  readonly heard?: Heard;
  readonly standing: "current" | "behind" | "ahead" | "empty" | "unknown";
  /** Time from the commit in Postgres to this isolate, in milliseconds, and its uncertainty. */
  readonly arrival?: { readonly afterMs: number; readonly uncertaintyMs: number };
}

/** When the publisher was asked and when it answered, by this machine's clock, in milliseconds. */
export interface AskedAt {
  readonly sentAt: number;
  readonly heardAt: number;
}

/**
 * Compares an edge with the publisher. Ask the publisher after the edge: otherwise a write in between makes the edge look
 * ahead.
 *
 * @param status undefined when the publisher did not answer
 */
export function lookAt(
  edge: Edge,
  heard: Heard | { readonly problem: string },
  status: Status | undefined,
  asked: AskedAt,
): EdgeLook {
  if ("problem" in heard) return { edge, problem: heard.problem, standing: "unknown" };
  const { epoch, revision } = heard.status;
  if (epoch === null || revision === null) return { edge, heard, standing: "empty" };
  if (status === undefined) return { edge, heard, standing: "unknown" };
  const order = compareVersions({ epoch, revision }, status);
  if (order !== 0) return { edge, heard, standing: order < 0 ? "behind" : "ahead" };
  const arrival = arrivalOf(heard, status, asked);
  return { edge, heard, standing: "current", ...(arrival && { arrival }) };
}

/**
 * Postgres reports the age of its change, the isolate the age of its update, each by its own clock. Both are converted to
 * this machine's clock; the round trips are the uncertainty.
 */
function arrivalOf(heard: Heard, status: Status, asked: AskedAt): EdgeLook["arrival"] {
  const { since_ms: since } = heard.status;
  const { changed_ms_ago: changed } = status;
  if (since === undefined || changed === undefined) return undefined;
  const middle = ({ sentAt, heardAt }: AskedAt): number => (sentAt + heardAt) / 2;
  const halfWay = ({ sentAt, heardAt }: AskedAt): number => (heardAt - sentAt) / 2;
  return {
    afterMs: Math.max(0, Math.round(middle(heard) - since - (middle(asked) - changed))),
    uncertaintyMs: Math.ceil(halfWay(heard) + halfWay(asked)),
  };
}

/** Whether an edge is up to date and reports no fault. */
export function isWell({ standing, heard }: EdgeLook): boolean {
  return standing === "current" && heard?.status.fault === undefined;
}

export const EDGE_HEADINGS = ["EDGE", "REVISION", "CONFIRMED", "FROM", "ARRIVED", "SAYS"] as const;

export function toRow({ edge, problem, heard, standing, arrival }: EdgeLook): readonly Cell[] {
  if (heard === undefined) {
    return [edge.shownUrl, "?", "", "", "", { text: visible(problem ?? "", 200), style: "yellow" }];
  }
  const { status } = heard;
  const { fault, diverged, gates } = status;
  const says = [
    ...(diverged === true ? ["DIVERGED: find out which one is right, then `sluice publish --force`"] : []),
    ...(fault === undefined ? [] : [visible(fault, 60)]),
    ...(standing === "empty" ? ["no flags yet: everything is off"] : []),
    ...(gates === "deploy" ? ["gates of the last deploy"] : []),
  ].join("; ");
  return [
    edge.shownUrl,
    status.revision === null ? "none" : `${status.revision} (epoch ${status.epoch})`,
    status.age_ms === null ? "never" : `${durationInWords(status.age_ms)} ago`,
    visible(status.source, 20),
    {
      current:
        arrival === undefined
          ? "yes"
          : `${durationInWords(arrival.afterMs)} ± ${durationInWords(arrival.uncertaintyMs)} after the write`,
      behind: "NOT yet",
      ahead: "ahead of Postgres",
      empty: "NOT yet",
      unknown: "unknown",
    }[standing],
    says === "" ? "" : { text: says, style: "yellow" },
  ];
}

export function toJson({ edge, problem, heard, standing, arrival }: EdgeLook): Record<string, unknown> {
  return {
    url: edge.shownUrl,
    standing,
    ...heard?.status,
    problem: problem ?? null,
    arrived_after_ms: arrival?.afterMs ?? null,
    uncertainty_ms: arrival?.uncertaintyMs ?? null,
  };
}
