import { createReadStream } from "node:fs";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-code.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../visible.ts";
import { itemProblem } from "./items.ts";

/** The largest file of ids, in bytes: 10,000 ids of the longest kind fit, which is all that a list takes. */
const MAX_FILE_BYTES = 16 * 1_048_576;

/**
 * Reads ids from a file, or from standard input for `-`: one a line, empty lines left out.
 *
 * @param option the one that names the file, for messages
 */
export async function readIdsFile(cli: Cli, option: string, file: string): Promise<readonly string[]> {
  const name = file === "-" ? "standard input" : visible(file, 200);
  if (file === "-" && cli.stdin.isTTY === true) {
    cli.terminal.note("Reading ids, one a line, until Ctrl-D.");
  }
  const text = decode(await readBytes(cli, option, file, name), option, name);
  const ids = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const problem = itemProblem(line);
    if (problem !== undefined) {
      throw new CliError(EXIT.usage, `${option}: line ${index + 1} of ${name} cannot be an id`, {
        why: [problem.replace("One of its items", "It"), "Ids are used byte for byte."],
        mend: ["put one id on each line, and nothing else"],
      });
    }
    ids.add(line);
  }
  return [...ids];
}

async function readBytes(cli: Cli, option: string, file: string, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const source: AsyncIterable<string | Uint8Array> = file === "-" ? cli.stdin : createReadStream(file);
  try {
    for await (const chunk of source) {
      const part =
        typeof chunk === "string"
          ? Buffer.from(chunk)
          : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      bytes += part.length;
      if (bytes > MAX_FILE_BYTES) break;
      chunks.push(part);
      cli.terminal.progress(`Reading ids from ${name}: ${Math.round(bytes / 1024)} KiB`);
    }
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "it cannot be read";
    throw new CliError(EXIT.usage, `${option}: ${name} cannot be read`, {
      why: [REASONS[reason] ?? reason],
      mend: ["name a text file with one id a line, or - for standard input"],
      cause: error,
    });
  } finally {
    cli.terminal.progress("");
  }
  if (bytes > MAX_FILE_BYTES) {
    throw new CliError(EXIT.usage, `${option}: ${name} is larger than ${MAX_FILE_BYTES / 1_048_576} MiB`, {
      why: ["A list takes at most 10,000 ids."],
      mend: ["reach so many people by a percentage or a plan"],
    });
  }
  return Buffer.concat(chunks);
}

const REASONS: { readonly [code: string]: string } = {
  ENOENT: "There is no such file.",
  EISDIR: "It is a folder.",
  EACCES: "It may not be read by you.",
};

function decode(bytes: Buffer, option: string, name: string): string {
  try {
    // Takes a byte order mark off the beginning, too.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CliError(EXIT.usage, `${option}: ${name} is not UTF-8`, {
      why: ["Ids are used byte for byte: read in another encoding they would name other people."],
      mend: ["convert it, for example with `iconv -t UTF-8`"],
      cause: error,
    });
  }
}
