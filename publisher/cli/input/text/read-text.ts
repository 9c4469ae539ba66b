import { createReadStream } from "node:fs";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { visible } from "../../terminal/visible.ts";

/** What an option's file holds, in words for people, and how much of it. */
export interface TextKind {
  /** Like "ids". */
  readonly what: string;
  /** How it is typed by hand, like "ids, one a line". */
  readonly typed: string;
  readonly maxBytes: number;
  /** Why it has a limit, and what to do instead. */
  readonly tooLarge: { readonly why: string; readonly mend: string };
}

/** A text, and what to call where it came from. */
export interface NamedText {
  readonly text: string;
  readonly name: string;
}

/**
 * Reads a file, or standard input for `-`, as UTF-8 text.
 *
 * @param option the one that names the file, for messages
 * @throws CliError when it cannot be read, is too large or in another encoding, or standard input is read already
 */
export async function readText(cli: Cli, option: string, file: string, kind: TextKind): Promise<NamedText> {
  const name = file === "-" ? "standard input" : visible(file, 200);
  const open = () => (file === "-" ? cli.takeStdin(option) : createReadStream(file));
  if (file === "-" && cli.stdin.isTTY === true) {
    cli.terminal.note(`Reading ${kind.typed}, until Ctrl-D.`);
  }
  return { text: decode(await readBytes(cli, option, open, name, kind), option, name), name };
}

async function readBytes(
  cli: Cli,
  option: string,
  open: () => AsyncIterable<string | Uint8Array>,
  name: string,
  { what, typed, maxBytes, tooLarge }: TextKind,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of open()) {
      const part =
        typeof chunk === "string"
          ? Buffer.from(chunk)
          : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      bytes += part.length;
      if (bytes > maxBytes) break;
      chunks.push(part);
      cli.terminal.progress(`Reading ${what} from ${name}: ${Math.round(bytes / 1024)} KiB`);
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error && "code" in error ? String(error.code) : "it cannot be read";
    throw new CliError(EXIT.usage, `${option}: ${name} cannot be read`, {
      why: [REASONS[reason] ?? reason],
      mend: [`name a text file that holds ${typed}, or - for standard input`],
      cause: error,
    });
  } finally {
    cli.terminal.progress("");
  }
  if (bytes > maxBytes) {
    throw new CliError(EXIT.usage, `${option}: ${name} is larger than ${sizeInWords(maxBytes)}`, {
      why: [tooLarge.why],
      mend: [tooLarge.mend],
    });
  }
  return Buffer.concat(chunks);
}

const REASONS: { readonly [code: string]: string } = {
  ENOENT: "There is no such file.",
  EISDIR: "It is a folder.",
  EACCES: "It may not be read by you.",
  ERR_INVALID_ARG_VALUE: "No file can have such a name.",
};

function sizeInWords(bytes: number): string {
  return bytes < 1_048_576 ? `${bytes / 1024} KiB` : `${bytes / 1_048_576} MiB`;
}

function decode(bytes: Buffer, option: string, name: string): string {
  try {
    // Takes a byte order mark off the beginning, too.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CliError(EXIT.usage, `${option}: ${name} is not UTF-8`, {
      why: [
        "Ids and attributes are used byte for byte: read in another encoding they would name other people.",
      ],
      mend: ["convert it, for example with `iconv -t UTF-8`"],
      cause: error,
    });
  }
}
