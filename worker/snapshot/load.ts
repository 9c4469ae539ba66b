import { parseHead, parseOff, type Head, type Off } from "../../shared/snapshot/snapshot.ts";
import type { Colo, Copy } from "./colo.ts";
import { readContent, refuseOversize, type Content } from "./content.ts";
import { Fault } from "../isolate/fault.ts";
import { addKills, refuseStepBack, takeOver, type Held } from "./held.ts";
import type { Store } from "./redis.ts";

/** The isolate's memory: other requests may change it while one waits. */
export interface Memory {
  held: Held | undefined;
  /**
   * When the command was sent that gave the newest kills, in milliseconds since the epoch: later than `held` was
   * confirmed where the head beside them was refused.
   */
  killsAt: number | undefined;
}

/** Where flags come from. */
export interface Sources {
  readonly colo: Colo;
  readonly store: Store;
  readonly now: () => number;
  /** Younger than this a copy of the colo's needs no confirmation by Redis. */
  readonly refreshMs: number;
}

/** What the colo's copy tells beside news: which snapshot is probably current, and what Redis must not step back from. */
interface Hint {
  readonly head: Head;
  readonly content: Content | undefined;
}

/**
 * Brings the memory up to date: from the colo's cache when another isolate asked Redis just now, else from Redis, with
 * one command when the snapshot is at hand or nothing is known, else two.
 *
 * @param later takes what may happen after the answer: telling the colo
 * @throws Fault; what was held is then still held, and kills that were seen are in it
 */
export async function load(
  memory: Memory,
  sources: Sources,
  later: (work: Promise<unknown>) => void,
): Promise<"colo" | "redis"> {
  const copy = await sources.colo.readCopy();
  const hint = copy === undefined ? undefined : await takeCopy(copy, memory, sources);
  if (hint === "taken") return "colo";
  await loadFromRedis(memory, hint, sources, later);
  return "redis";
}

/** Takes the colo's copy over when it is news: recent, and later than what is held. Its kills count in any case. */
async function takeCopy(
  copy: Copy,
  memory: Memory,
  { colo, now, refreshMs }: Sources,
): Promise<"taken" | Hint | undefined> {
  const { held } = memory;
  const { confirmedAt } = copy;
  const off = readOff(copy.off);
  // A copy from the future is another machine's clock gone wrong: its age would lie.
  const age = now() - confirmedAt;
  remember(memory, off, age >= 0 ? confirmedAt : undefined);
  const head = parseHead(copy.head);
  if ("problem" in head) return undefined;

  const isRecent = age >= 0 && age < refreshMs;
  const isNews = off !== undefined && isRecent && (held === undefined || confirmedAt > held.confirmedAt);
  if (!isNews && held !== undefined) return undefined;

  const content = await findContent(head.value, memory, undefined, colo);
  if (!isNews || content === undefined) return { head: head.value, content };
  try {
    const answer = { head: head.value, content, off, sentAt: confirmedAt, arrivedAt: now() };
    memory.held = takeOver(memory.held, answer);
    return "taken";
  } catch {
    // It contradicts what is held. Which of them is right is Redis' to say.
    return undefined;
  }
}

async function loadFromRedis(
  memory: Memory,
  hint: Hint | undefined,
  sources: Sources,
  later: (work: Promise<unknown>) => void,
): Promise<void> {
  const { store, now } = sources;
  if (memory.held !== undefined || hint?.content !== undefined) {
    const sentAt = now();
    const told = await store.readHeadAndOff();
    if (await accept({ ...told, sentAt }, memory, hint, sources, later)) return;
  }
  const sentAt = now();
  await accept({ ...(await store.readAll()), sentAt }, memory, hint, sources, later);
}

/** What Redis said; the snapshot is absent when it was not asked for. */
interface Told {
  readonly head: string | null;
  readonly off: string | null;
  readonly snapshot?: string | null;
  readonly sentAt: number;
}

/** Whether what Redis said is now held: it is not when the snapshot that it names is nowhere at hand. */
async function accept(
  told: Told,
  memory: Memory,
  hint: Hint | undefined,
  { colo, now }: Sources,
  later: (work: Promise<unknown>) => void,
): Promise<boolean> {
  const { sentAt } = told;
  const off = readOff(told.off);
  // Before anything else can fail: a kill works with the head gone, foreign or broken, and waits for no snapshot.
  remember(memory, off, sentAt);
  const head = readHead(told.head);
  const known = memory.held ?? hint;
  const isOvertaken = memory.held !== undefined && sentAt <= memory.held.confirmedAt;
  // The head tells enough: a snapshot that would be refused is not fetched at every attempt.
  if (known !== undefined && !isOvertaken) refuseStepBack(known.head, head);

  const content =
    told.snapshot === undefined
      ? await findContent(head, memory, hint, colo)
      : await readTold(head, memory, told.snapshot);
  if (content === undefined) return false;
  memory.held = takeOver(memory.held, { head, content, off, sentAt, arrivedAt: now() });
  refuseUnreadable(off);
  if (memory.held.confirmedAt === sentAt) later(share(head, told, colo));
  return true;
}

async function readTold(head: Head, { held }: Memory, snapshot: string | null): Promise<Content> {
  if (held?.head.digest === head.digest) return held;
  if (snapshot === null) throw new Fault("snapshot-missing", "Redis holds a head but no snapshot");
  return readContent(head, snapshot);
}

/** The content that a head names, when it is at hand: in memory, or in the colo and the very one. */
async function findContent(
  head: Head,
  { held }: Memory,
  hint: Hint | undefined,
  colo: Colo,
): Promise<Content | undefined> {
  if (held?.head.digest === head.digest) return held;
  if (hint?.head.digest === head.digest) return hint.content;
  const text = await colo.readSnapshot(head.digest);
  if (text === undefined) return undefined;
  try {
    return await readContent(head, text);
  } catch {
    // Redis has the right one.
    return undefined;
  }
}

/** Tells the other isolates of the colo; the snapshot first, so that whoever sees the head finds it. */
async function share(head: Head, { head: text, off, snapshot, sentAt }: Told, colo: Colo): Promise<void> {
  if (text === null) return;
  if (typeof snapshot === "string") await colo.writeSnapshot(head.digest, snapshot);
  await colo.writeCopy({ head: text, off, confirmedAt: sentAt });
}

/** @param at when that was true; undefined: it is not known */
function remember(memory: Memory, off: Off | undefined, at: number | undefined): void {
  if (off === undefined) return;
  if (memory.held !== undefined) memory.held = addKills(memory.held, off);
  if (at !== undefined) memory.killsAt = Math.max(at, memory.killsAt ?? at);
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
  refuseOversize(parsed.value);
  return parsed.value;
}

function readOff(text: string | null): Off | undefined {
  const parsed = parseOff(text);
  return "problem" in parsed ? undefined : parsed.value;
}

function refuseUnreadable(off: Off | undefined): void {
  if (off === undefined)
    throw new Fault("off-unreadable", "Redis holds an off that cannot be read: the last known is kept");
}
