import type { Segment, SegmentAnswer } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";
import { counted, idsInWords, timeInWords } from "./amounts.ts";
import { conditionInWords } from "./condition-words.ts";

/** Longest list of ids; `--json` shows all. */
const SHOWN_IDS = 10;

/** A segment, one member per line. */
export function segmentPairs({ segment, revision, published }: SegmentAnswer): (readonly [string, string])[] {
  return [
    ["segment", visible(segment.name)],
    ["ids", idsInWords(segment.ids, SHOWN_IDS)],
    ["or if", visible(ifInWords(segment), 400)],
    ["used by", segment.used_by.map((key) => visible(key, 64)).join(", ") || "-"],
    ["description", visible(segment.description) || "-"],
    ["created", timeInWords(segment.created_at)],
    ["changed", timeInWords(segment.updated_at)],
    ...(segment.invalid === undefined ? [] : [["not valid", visible(segment.invalid, 500)] as const]),
    ["all flags", `revision ${revision}, ${published ? "in Redis" : "NOT yet in Redis"}`],
  ];
}

/** Its condition in words; a dash without one. */
export function ifInWords({ condition }: Segment): string {
  return condition === null || condition === undefined ? "-" : conditionInWords(condition);
}

/** Its content in a few words. */
export function contentInWords(segment: Segment): string {
  const ids = counted(segment.ids.length, "id");
  const words = ifInWords(segment);
  return words === "-" ? ids : `${ids}, or ${visible(words, 200)}`;
}

/** A hint about the flags that use the segment. */
export function usersInWords({ used_by: usedBy }: Segment): readonly string[] {
  if (usedBy.length === 0) return [];
  return [`Rules of ${usedBy.map((key) => visible(key, 64)).join(", ")} use it.`];
}
