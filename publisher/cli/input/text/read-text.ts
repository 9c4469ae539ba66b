import { createReadStream } from "node:fs";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { visible } from "../../terminal/visible.ts";

/** The kind of text in an option's file, for error texts, and its limit. */
export interface TextKind {
  /** Like "ids". */
  readonly what: string;
  /** The format in words, like "ids, one per line". */
  readonly typed: string;
  readonly maxBytes: number;
  /** The reason for the limit, and the alternative. */
  readonly tooLarge: { readonly why: string; readonly fix: string };
}

/** A text and the name of its source. */
export interface NamedText {
  readonly text: string;
  readonly name: string;
}

/**
 * Reads a file, or standard input for `-`, as UTF-8 text.
 *
 * @param option the name of the option, for error texts
 * @throws CliError when it cannot be read, is too large or not UTF-8, or standard input is already used
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
      fix: [`name a text file with ${typed}, or - for standard input`],
      cause: error,
    });
  } finally {
    cli.terminal.progress("");
  }
  if (bytes > maxBytes) {
    throw new CliError(EXIT.usage, `${option}: ${name} is larger than ${sizeInWords(maxBytes)}`, {
      why: [tooLarge.why],
      fix: [tooLarge.fix],
    });
  }
  return Buffer.concat(chunks);
}

const REASONS: { readonly [code: string]: string } = {
  ENOENT: "The file does not exist.",
  EISDIR: "It is a directory.",
  EACCES: "You have no permission to read it.",
  ERR_INVALID_ARG_VALUE: "This is not a valid file name.",
};

function sizeInWords(bytes: number): string {
  return bytes < 1_048_576 ? `${bytes / 1024} KiB` : `${bytes / 1_048_576} MiB`;
}

function decode(bytes: Buffer, option: string, name: string): string {
  try {
    // Also removes a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CliError(EXIT.usage, `${option}: ${name} is not UTF-8`, {
      why: [
        "Ids and attributes are compared byte by byte: in another encoding they would match other users.",
      ],
      fix: ["convert it, for example with `iconv -t UTF-8`"],
      cause: error,
    });
  }
}
