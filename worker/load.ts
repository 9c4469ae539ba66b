import { compile } from "../shared/compile.ts";
import { digestOf, parseHead, parseOff, parseSnapshot, type Head, type Off } from "../shared/snapshot.ts";
import { Fault } from "./fault.ts";
import { addKills, refuseStepBack, takeOver, type Held } from "./held.ts";
import type { Store } from "./redis.ts";

/** The isolate's memory: other requests may change it while one waits. */
export interface Memory {
  held: Held | undefined;
}

/**
 * Brings the memory up to date: one command when nothing has moved or nothing is held, else two.
 *
 * @throws Fault; what was held is then still held, and kills that were seen are in it
 */
export async function load(memory: Memory, store: Store, now: () => number): Promise<void> {
  if (memory.held !== undefined && (await confirm(memory.held, memory, store, now))) return;

  const sentAt = now();
  const stored = await store.readAll();
  const off = readOff(stored.off);
  remember(memory, off);
  const head = readHead(stored.head);
  const known = memory.held?.head.digest === head.digest ? memory.held.compiled : undefined;
  const compiled = known ?? (await readSnapshot(head, stored.snapshot));
  memory.held = takeOver(memory.held, { head, compiled, off, sentAt });
  refuseUnreadable(off);
}

/** Whether what is held is still what Redis holds. */
async function confirm(held: Held, memory: Memory, store: Store, now: () => number): Promise<boolean> {
  const sentAt = now();
  const stored = await store.readHeadAndOff();
  const off = readOff(stored.off);
  // Before anything else can fail: a kill works with the head gone, foreign or broken, and waits for no snapshot.
  remember(memory, off);
  const head = readHead(stored.head);
  if (head.digest !== held.head.digest) {
    if (sentAt > (memory.held ?? held).confirmedAt) refuseStepBack((memory.held ?? held).head, head);
    return false;
  }
  memory.held = takeOver(memory.held, { head, compiled: held.compiled, off, sentAt });
  refuseUnreadable(off);
  return true;
}

function remember(memory: Memory, off: Off | undefined): void {
  if (memory.held !== undefined && off !== undefined) memory.held = addKills(memory.held, off);
}

function readHead(text: string | null): Head {
  if (text === null) {
    throw new Fault(
      "head-missing",
      "Redis holds no head: nothing was published to this SLUICE_ENV, or it was flushed",
    );
  }
  const parsed = parseHead(text);
  if ("problem" in parsed) throw new Fault("head-unreadable", parsed.problem);
  return parsed.value;
}

async function readSnapshot(head: Head, text: string | null) {
  if (text === null) throw new Fault("snapshot-missing", "Redis holds a head but no snapshot");
  if ((await digestOf(text)) !== head.digest) {
    throw new Fault("digest-mismatch", "the snapshot in Redis is not the one that head names");
  }
  const parsed = parseSnapshot(text);
  if ("problem" in parsed) throw new Fault("snapshot-unreadable", parsed.problem);
  return compile(parsed.value);
}

function readOff(text: string | null): Off | undefined {
  const parsed = parseOff(text);
  return "problem" in parsed ? undefined : parsed.value;
}

function refuseUnreadable(off: Off | undefined): void {
  if (off === undefined)
    throw new Fault("off-unreadable", "Redis holds an off that cannot be read: the last known is kept");
}
