import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { readGates, type GateTable } from "../../shared/gate/gate-table.ts";
import { digestOf, parseSnapshot, type Head } from "../../shared/snapshot/snapshot.ts";
import { WorkerFault } from "../isolate/fault.ts";

/** A snapshot's flags, compiled once for all requests. */
export interface Content {
  readonly compiled: Compiled;
  readonly gates: GateTable;
  /** Gates that could not be read; their flags are off. */
  readonly defect?: WorkerFault;
}

/** A larger snapshot would need more memory than an isolate can spare. No publisher writes one (MAX_SNAPSHOT_BYTES). */
const MAX_BYTES = 8_388_608;

/** @throws WorkerFault `snapshot-too-large`, before any of it is read */
export function refuseOversize({ bytes }: Head): void {
  if (bytes <= MAX_BYTES) return;
  throw new WorkerFault(
    "snapshot-too-large",
    `head names a snapshot of ${bytes} bytes, and the limit is ${MAX_BYTES}: publish fewer or smaller flags`,
  );
}

/**
 * Parses and compiles a snapshot.
 *
 * @param head names it by its digest
 * @throws WorkerFault when it has another digest, or cannot be parsed
 */
export async function readContent(head: Head, text: string): Promise<Content> {
  if ((await digestOf(text)) !== head.digest) {
    throw new WorkerFault("digest-mismatch", "the snapshot in Redis is not the one that head names");
  }
  const parsed = parseSnapshot(text);
  if ("problem" in parsed) throw new WorkerFault("snapshot-unreadable", parsed.problem);

  const { table, unreadable, faulty } = readGates(parsed.value.flags);
  const flags = parsed.value.flags.map((flag) => withoutUnreadable(flag, unreadable));
  return {
    compiled: compile({ ...parsed.value, flags }),
    gates: table,
    ...(faulty && {
      defect: new WorkerFault(
        "gates-unreadable",
        `gates of ${[...unreadable].slice(0, 10).join(", ") || "a flag without a key"} cannot be read: the flag is off`,
      ),
    }),
  };
}

/** A flag must not be on while one of its gates cannot be closed. */
function withoutUnreadable(flag: unknown, unreadable: ReadonlySet<string>): unknown {
  if (typeof flag !== "object" || flag === null || !("key" in flag)) return flag;
  const { key } = flag;
  if (typeof key !== "string" || !unreadable.has(key)) return flag;
  return { key, invalid: "gates: cannot be read" };
}
