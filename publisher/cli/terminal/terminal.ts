import type { Environment } from "../../config.ts";
import { createPaint, wantsColours, type Paint } from "./paint.ts";
import { keepOnlyColours, toSafeJson } from "./visible.ts";

/** What the CLI needs of a stream that it writes to. */
export interface Output {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What the CLI needs of the stream that it reads. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };

/** The three standard streams; `process` is one. */
export interface Streams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Output of the CLI: results go to standard output, messages to standard error. */
export interface Terminal {
  /** Prints lines of the result. */
  print(text: string): void;
  /** Prints the result as JSON; then nothing else goes to standard output. */
  printJson(value: unknown): void;
  /** Prints lines to standard error. */
  note(text: string): void;
  /** Replaces the progress line, on a terminal only. The empty text removes it. */
  progress(text: string): void;
  /** Waits until everything is written. @returns the error, such as a full disk */
  written(): Promise<Error | undefined>;
  readonly paint: Paint;
  readonly paintNote: Paint;
  readonly outColours: boolean;
  readonly noteColours: boolean;
  /** Columns of standard output; undefined when it is not a terminal. */
  readonly columns: number | undefined;
}

const REMOVE_LINE = "\r\x1b[K";

export function createTerminal(environment: Environment, { stdout, stderr }: Streams): Terminal {
  const outColours = wantsColours(environment, stdout.isTTY === true);
  const noteColours = wantsColours(environment, stderr.isTTY === true);
  // `written` returns the error. Without a listener, it would end the process with a stack trace.
  stdout.on("error", () => undefined);
  stderr.on("error", () => undefined);
  const writes: Promise<void>[] = [];
  let outputFault: Error | undefined;
  let hasProgress = false;

  function write(text: string): void {
    const done = new Promise<void>((resolve) => {
      stdout.write(text, (error) => {
        if (error && !isClosedPipe(error)) outputFault ??= error;
        resolve();
      });
    });
    writes.push(done);
  }

  function progress(text: string): void {
    if (stderr.isTTY !== true || (text === "" && !hasProgress)) return;
    hasProgress = text !== "";
    stderr.write(REMOVE_LINE + keepOnlyColours(text, false));
  }

  return {
    print: (text) => write(`${keepOnlyColours(text, outColours)}\n`),
    printJson: (value) => write(`${toSafeJson(value)}\n`),
    note: (text) => {
      progress("");
      stderr.write(`${keepOnlyColours(text, noteColours)}\n`);
    },
    progress,
    written: async () => {
      await Promise.all(writes);
      return outputFault;
    },
    paint: createPaint(outColours),
    paintNote: createPaint(noteColours),
    outColours,
    noteColours,
    columns: stdout.isTTY === true ? (stdout.columns ?? 80) : undefined,
  };
}

/** `sluice list | head` closes the pipe early, which is not an error. */
function isClosedPipe(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}
