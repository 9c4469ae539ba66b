/** Work that repeats in the background until it is stopped. */
export type BackgroundLoop = ReturnType<typeof startLoop>;

const RETRY_MS = { first: 250, most: 5_000 } as const;

/**
 * Runs `work` at once, on each request, and `everyMs` after the last run; never twice at the same time. After a failure
 * it retries with a growing delay.
 */
export function startLoop(options: {
  readonly work: () => Promise<void>;
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}) {
  const { work, everyMs, onError } = options;
  let requested = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let stopped = false;

  function request(): void {
    if (stopped) return;
    requested = true;
    running ??= run().finally(() => {
      running = undefined;
    });
  }

  async function run(): Promise<void> {
    clearTimeout(timer);
    while (requested) {
      requested = false;
      try {
        await work();
        failures = 0;
      } catch (error) {
        failures += 1;
        onError(error);
      }
    }
    const retryMs = Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.most);
    if (!stopped) timer = setTimeout(request, jittered(failures === 0 ? everyMs : retryMs));
  }

  request();
  return {
    /** Runs the work soon. Any number of requests during a run cause one more run. */
    request,
    /** Waits for the current run, and starts no other. */
    stop: async (): Promise<void> => {
      stopped = true;
      requested = false;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Varies a delay by a quarter, so that many processes do not run at the same instant. */
function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
