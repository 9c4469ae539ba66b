import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { digestOf, parseSnapshot, type Head } from "../../shared/snapshot/snapshot.ts";
import { Fault } from "../isolate/fault.ts";
import { readGates, type GateTable } from "../../shared/gate/gate-table.ts";

/** A snapshot made ready, once for all requests. */
export interface Content {
  readonly compiled: Compiled;
  readonly gates: GateTable;
  /** What in it could not be understood; the flags that this is about are off. */
  readonly defect?: Fault;
}

/** A larger snapshot would cost more memory than an isolate has to spare: no publisher writes one (MAX_SNAPSHOT_BYTES). */
const MAX_BYTES = 8_388_608;

/** @throws Fault `snapshot-too-large`, before anything of it was read */
export function refuseOversize({ bytes }: Head): void {
  if (bytes <= MAX_BYTES) return;
  throw new Fault(
    "snapshot-too-large",
    `head names a snapshot of ${bytes} bytes, and ${MAX_BYTES} are the most: publish fewer or smaller flags`,
  );
}

/**
 * Makes a snapshot ready.
 *
 * @param head names it by its digest
 * @throws Fault when it is another one, or nothing of it can be understood
 */
export async function readContent(head: Head, text: string): Promise<Content> {
  if ((await digestOf(text)) !== head.digest) {
    throw new Fault("digest-mismatch", "the snapshot in Redis is not the one that head names");
  }
  const parsed = parseSnapshot(text);
  if ("problem" in parsed) throw new Fault("snapshot-unreadable", parsed.problem);

  const { table, unreadable, faulty } = readGates(parsed.value.flags);
  const flags = parsed.value.flags.map((flag) => withoutUnreadable(flag, unreadable));
  return {
    compiled: compile({ ...parsed.value, flags }),
    gates: table,
    ...(faulty && {
      defect: new Fault(
        "gates-unreadable",
        `gates of ${[...unreadable].slice(0, 10).join(", ") || "a flag without a key"} cannot be read: the flag is off`,
      ),
    }),
  };
}

/** A flag some of whose pages cannot be closed must not be on for anybody. */
function withoutUnreadable(flag: unknown, unreadable: ReadonlySet<string>): unknown {
  if (typeof flag !== "object" || flag === null || !("key" in flag)) return flag;
  const { key } = flag;
  if (typeof key !== "string" || !unreadable.has(key)) return flag;
  return { key, invalid: "gates: cannot be read" };
}
