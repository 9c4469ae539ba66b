import { readFile, readdir, writeFile } from "node:fs/promises";

/** The kernel's unit of processor time: USER_HZ is 100 on every Linux that Node supports. */
const TICK_MS = 10;

/** A workerd process that this process started, as Linux reports it. */
export interface WorkerdProcess {
  /** Resets the peak. */
  readonly resetPeak: () => Promise<void>;
  /** The peak of resident memory since, in bytes: JavaScript's heap, texts and buffers outside it, and code. */
  readonly peakBytes: () => Promise<number>;
  /** Also false when miniflare has replaced it. */
  readonly isAlive: () => Promise<boolean>;
  /** Processor time of all its threads so far, in milliseconds. */
  readonly cpuMs: () => Promise<number>;
  /** Processor time in nanoseconds, without threads that have ended. */
  readonly threadsMs: () => Promise<number>;
}

/** Finds the one workerd below this process. Throws on other systems than Linux, and when there are several. */
export async function findWorkerd(): Promise<WorkerdProcess> {
  if (process.platform !== "linux") throw new Error("memory is read from /proc: this needs Linux");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(async (pid) => ({ pid, stat: await readStat(pid) })));
  const own = stats.filter(({ stat }) => stat?.parent === process.pid && stat.name.startsWith("workerd"));
  const [found] = own;
  if (found === undefined || own.length > 1)
    throw new Error(`${own.length} workerd processes instead of one`);

  const folder = `/proc/${found.pid}`;
  const statusOf = async (name: string): Promise<number> => {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(await readFile(`${folder}/status`, "utf8"));
    return Number(line?.[1]) * 1_024;
  };
  return {
    resetPeak: () => writeFile(`${folder}/clear_refs`, "5"),
    peakBytes: () => statusOf("VmHWM"),
    isAlive: async () => (await readStat(found.pid))?.parent === process.pid,
    cpuMs: async () => (await readStat(found.pid))?.cpuMs ?? Number.NaN,
    threadsMs: async () => {
      const threads = await readdir(`${folder}/task`);
      const texts = await Promise.all(
        threads.map((thread) => readFile(`${folder}/task/${thread}/schedstat`, "utf8")),
      );
      // Time on a processor, time spent waiting for one, and number of time slices.
      return texts.reduce((sum, text) => sum + Number(text.split(" ", 1)[0]) / 1_000_000, 0);
    },
  };
}

/** Reads /proc/PID/stat; undefined when the process has ended. */
async function readStat(pid: string) {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The name is in parentheses and may contain spaces.
  const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
  return { name, parent, cpuMs: ((user ?? 0) + (system ?? 0)) * TICK_MS };
}
