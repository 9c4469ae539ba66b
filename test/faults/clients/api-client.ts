import { setTimeout as sleep } from "node:timers/promises";
import type { Version } from "../../../shared/snapshot/revision.ts";
import { redisKeys } from "../../../shared/snapshot/snapshot.ts";
import { NOTES, SWITCHES } from "../flags.ts";
import { now, type FlagState, type Outcome, type Write } from "../history.ts";
import type { System } from "../system.ts";
import type { Random } from "../random.ts";

/** What a client needs for one round of writes. */
export interface ClientRound {
  readonly client: string;
  /** Part of every stamp, so that no two rounds write the same text. */
  readonly round: number;
  readonly random: Random;
  /** The time from which it starts no more writes. */
  readonly until: number;
  readonly record: (write: Write) => void;
}

/** The admin APIs, and the Redis that they write to. */
type Surroundings = Pick<System, "apiUrls" | "adminToken" | "redis" | "environment">;

/** The share of writes after which the client reads the head in Redis. */
const SHARE_OF_LOOKS = 0.3;

/** Longer than the sum of all waits of the API. */
const PATIENCE_MS = 25_000;

const PAUSE_MS = { least: 20, most: 160 } as const;

/** Sends random changes, each to a random publisher. */
export async function runApiClient(surroundings: Surroundings, round: ClientRound): Promise<void> {
  const { apiUrls, adminToken } = surroundings;
  const { client, random, until, record } = round;
  let count = 0;
  const nextStamp = (): string => `${client}, round ${round.round}, write ${++count}`;

  async function send(method: string, path: string, body?: unknown, ifMatch?: string): Promise<Answer> {
    const response = await fetch(`${random.pick(apiUrls)}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(ifMatch !== undefined && { "if-match": ifMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      etag: response.headers.get("etag") ?? "*",
      body: text === "" ? {} : (JSON.parse(text) as AnswerBody),
    };
  }

  async function write(
    what: Write["what"],
    key: string,
    call: () => Promise<Answer>,
    stamp?: string,
  ): Promise<void> {
    const startedAt = now();
    const outcome = await call().then(outcomeOf, (error: unknown) => ({
      result: "unknown" as const,
      why: wordsOf(error),
    }));
    const endedAt = now();
    const headAfter = random.chance(SHARE_OF_LOOKS) ? await readHead(surroundings) : undefined;
    record({
      client,
      what,
      keys: [key],
      ...(stamp !== undefined && { stamp }),
      startedAt,
      endedAt,
      outcome,
      ...(headAfter !== undefined && { headAfter }),
    });
  }

  const describe = async (etagOf: (key: string) => Promise<string>): Promise<void> => {
    const key = random.pick(NOTES);
    const stamp = nextStamp();
    await write(
      "describe",
      key,
      async () => send("PATCH", `/flags/${key}`, { description: stamp }, await etagOf(key)),
      stamp,
    );
  };

  const kill = (key: string): Promise<void> =>
    write("kill", key, () => send("PATCH", `/flags/${key}/toggle`, { enabled: false }));

  const actions: readonly (() => Promise<void>)[] = [
    () => describe(async () => "*"),
    // As people do: read the flag, then write it unless somebody else did meanwhile.
    () => describe(async (key) => (await send("GET", `/flags/${key}`)).etag),
    async () => {
      const key = random.pick(NOTES);
      const rollout_pct = random.between(0, 10_000) / 100;
      await write("roll out", key, () => send("PATCH", `/flags/${key}/rollout`, { rollout_pct }, "*"));
    },
    async () => {
      await kill(random.pick(SWITCHES));
      // Visitors would not see a kill that is lifted at once.
      await sleep(random.between(0, 300));
    },
    // As in an emergency: several kills at once, which share one key in Redis.
    async () => void (await Promise.all([...new Set(SWITCHES.map(() => random.pick(SWITCHES)))].map(kill))),
    async () => {
      const key = random.pick(SWITCHES);
      await write("enable", key, () => send("PATCH", `/flags/${key}/toggle`, { enabled: true }, "*"));
    },
    async () => {
      const stamp = nextStamp();
      const key = `made_by_${client}_${round.round}_${count}`;
      await write("create", key, () => send("POST", "/flags", { key, description: stamp }), stamp);
      await sleep(random.between(0, 100));
      await write("delete", key, () => send("DELETE", `/flags/${key}`, undefined, "*"));
    },
  ];

  while (now() < until) {
    await random.pick(actions)();
    await sleep(random.between(PAUSE_MS.least, PAUSE_MS.most));
  }
}

interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly body: AnswerBody;
}

/** Each member is missing in some answers. */
interface AnswerBody {
  readonly flag?: { readonly enabled: boolean; readonly rollout_pct: number; readonly description: string };
  readonly epoch?: number;
  readonly revision?: number;
  readonly published?: boolean;
  readonly at_edge?: boolean;
  readonly detail?: string;
}

/** The outcome of a write, by its answer. */
function outcomeOf({ status, body }: Answer): Outcome {
  const { flag, epoch, revision, published = false, at_edge: atEdge, detail = "" } = body;
  if (status === 202) return { result: "edge-only" };
  if (status < 300 && epoch !== undefined && revision !== undefined) {
    const promised = { version: { epoch, revision }, flag: stateOf(flag), published };
    return { result: "acknowledged", promised: { ...promised, ...(atEdge !== undefined && { atEdge }) } };
  }
  if (status >= 400 && status < 500) return { result: "refused", why: `${status} ${detail}` };
  // A server error says only by this text that nothing has happened.
  if (/nothing was changed/.test(detail)) return { result: "refused", why: `${status} ${detail}` };
  return { result: "unknown", why: `${status} ${detail}` };
}

/** Undefined when Redis cannot be reached, or is empty. */
async function readHead({ redis, environment }: Surroundings): Promise<Version | undefined> {
  const head = await redis.command("GET", redisKeys(environment).head).catch(() => null);
  if (typeof head !== "string") return undefined;
  const { epoch, revision } = JSON.parse(head) as Version;
  return { epoch, revision };
}

function stateOf(flag: AnswerBody["flag"]): FlagState | null {
  if (flag === undefined) return null;
  return { enabled: flag.enabled, rolloutPct: flag.rollout_pct, description: flag.description };
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.name}: ${error.message}${cause}`;
}
