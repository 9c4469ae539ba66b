import { parseHead, parseOff, type Head, type Off } from "../../shared/snapshot/snapshot.ts";
import { WorkerFault } from "../isolate/fault.ts";
import { addKills, refuseStepBack, takeOver, type CachedSnapshot } from "./cached-snapshot.ts";
import type { Colo, Copy } from "./colo.ts";
import { readContent, refuseOversize, type Content } from "./content.ts";
import type { Store, Stored } from "./redis.ts";

/** The isolate's memory: other requests may change it while one waits. */
export interface Memory {
  cached: CachedSnapshot | undefined;
  /**
   * When the command was sent that returned the newest kills, in milliseconds since the epoch. Later than the cached
   * snapshot was confirmed where the head beside the kills was refused.
   */
  killsAt: number | undefined;
}

/** Where flags come from. */
export interface Sources {
  readonly colo: Colo;
  readonly store: Store;
  readonly now: () => number;
  /** A copy of the colo that is younger needs no confirmation by Redis. */
  readonly refreshMs: number;
}

/** Runs work behind the answer. */
type Later = (work: Promise<unknown>) => void;

/** What an older colo copy is good for: it names the likely snapshot, and Redis must not step back from it. */
interface Hint {
  readonly head: Head;
  readonly content: Content | undefined;
}

/**
 * Brings the memory up to date: from the colo's cache when another isolate asked Redis just now, else from Redis. Redis
 * gets one command when the snapshot is cached or nothing is known, else two.
 *
 * @param later shares the answer with the colo
 * @throws WorkerFault; the cached snapshot then stays, with any new kills added
 */
export async function load(memory: Memory, sources: Sources, later: Later): Promise<"colo" | "redis"> {
  const copy = await sources.colo.readCopy();
  const hint = copy === undefined ? undefined : await takeCopy(copy, memory, sources);
  if (hint === "taken") return "colo";
  await loadFromRedis(memory, hint, sources, later);
  return "redis";
}

/** Takes the colo's copy over when it is recent and later than the cached snapshot. Its kills count in any case. */
async function takeCopy(
  copy: Copy,
  memory: Memory,
  { colo, now, refreshMs }: Sources,
): Promise<"taken" | Hint | undefined> {
  const { cached } = memory;
  const { confirmedAt } = copy;
  const off = readOff(copy.off);
  // A copy from the future comes from a machine whose clock is wrong: its age means nothing.
  const age = now() - confirmedAt;
  rememberKills(memory, off, age >= 0 ? confirmedAt : undefined);
  const head = parseHead(copy.head);
  if ("problem" in head) return undefined;

  const isRecent = age >= 0 && age < refreshMs;
  const isNews = off !== undefined && isRecent && (cached === undefined || confirmedAt > cached.confirmedAt);
  if (!isNews && cached !== undefined) return undefined;

  const content = await findContent(head.value, memory, undefined, colo);
  if (!isNews || content === undefined) return { head: head.value, content };
  try {
    const answer = { head: head.value, content, off, sentAt: confirmedAt, arrivedAt: now() };
    memory.cached = takeOver(memory.cached, answer);
    return "taken";
  } catch {
    // It contradicts the cached snapshot. Redis decides which of them is right.
    return undefined;
  }
}

async function loadFromRedis(
  memory: Memory,
  hint: Hint | undefined,
  sources: Sources,
  later: Later,
): Promise<void> {
  const { store, now } = sources;
  if (memory.cached !== undefined || hint?.content !== undefined) {
    const sentAt = now();
    const response = await store.readHeadAndOff();
    if (await accept({ ...response, sentAt }, memory, hint, sources, later)) return;
  }
  const sentAt = now();
  await accept({ ...(await store.readAll()), sentAt }, memory, hint, sources, later);
}

/** Redis' response; the snapshot is absent when it was not asked for. */
interface RedisResponse extends Omit<Stored, "snapshot">, Partial<Pick<Stored, "snapshot">> {
  readonly sentAt: number;
}

/** Takes Redis' response over. Returns false when the snapshot that it names is in no cache and has to be read. */
async function accept(
  response: RedisResponse,
  memory: Memory,
  hint: Hint | undefined,
  { colo, now }: Sources,
  later: Later,
): Promise<boolean> {
  const { sentAt, snapshot } = response;
  const off = readOff(response.off);
  // Before anything else can fail: a kill works with the head missing, foreign or broken, and waits for no snapshot.
  rememberKills(memory, off, sentAt);
  const head = readHead(response.head);
  const known = memory.cached ?? hint;
  const isOvertaken = memory.cached !== undefined && sentAt <= memory.cached.confirmedAt;
  // The head is enough to refuse a snapshot, so that it is not fetched at every attempt.
  if (known !== undefined && !isOvertaken) refuseStepBack(known.head, head);

  const content =
    snapshot === undefined
      ? await findContent(head, memory, hint, colo)
      : await toContent(head, memory, snapshot);
  if (content === undefined) return false;
  memory.cached = takeOver(memory.cached, { head, content, off, sentAt, arrivedAt: now() });
  if (off === undefined)
    throw new WorkerFault(
      "off-unreadable",
      "Redis holds an off that cannot be read: the last known one is used",
    );
  if (memory.cached.confirmedAt === sentAt) later(share(head, response, colo));
  return true;
}

async function toContent(head: Head, { cached }: Memory, snapshot: string | null): Promise<Content> {
  if (cached?.head.digest === head.digest) return cached;
  if (snapshot === null) throw new WorkerFault("snapshot-missing", "Redis holds a head but no snapshot");
  return readContent(head, snapshot);
}

/** The content that a head names, when memory or the colo has exactly that one. */
async function findContent(
  head: Head,
  { cached }: Memory,
  hint: Hint | undefined,
  colo: Colo,
): Promise<Content | undefined> {
  if (cached?.head.digest === head.digest) return cached;
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

/** Shares a response with the other isolates of the colo. The snapshot first: an isolate that sees the head finds it. */
async function share(
  head: Head,
  { head: text, off, snapshot, sentAt }: RedisResponse,
  colo: Colo,
): Promise<void> {
  if (text === null) return;
  if (typeof snapshot === "string") await colo.writeSnapshot(head.digest, snapshot);
  await colo.writeCopy({ head: text, off, confirmedAt: sentAt });
}

/** @param at when the kills were read; undefined when that is unknown */
function rememberKills(memory: Memory, off: Off | undefined, at: number | undefined): void {
  if (off === undefined) return;
  if (memory.cached !== undefined) memory.cached = addKills(memory.cached, off);
  if (at !== undefined) memory.killsAt = Math.max(at, memory.killsAt ?? at);
}

function readHead(text: string | null): Head {
  if (text === null) {
    throw new WorkerFault(
      "head-missing",
      "Redis holds no head: nothing was published to this SLUICE_ENV, or it was flushed",
    );
  }
  const parsed = parseHead(text);
  if ("problem" in parsed) throw new WorkerFault("head-unreadable", parsed.problem);
  refuseOversize(parsed.value);
  return parsed.value;
}

function readOff(text: string | null): Off | undefined {
  const parsed = parseOff(text);
  return "problem" in parsed ? undefined : parsed.value;
}
