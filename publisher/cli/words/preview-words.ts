import type { Preview } from "../api/answers.ts";
import { formatPairs, formatTable } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import { counted, idsInWords } from "./amounts.ts";

/** Prints how many users would gain and lose a flag. */
export function printPreview(terminal: Terminal, key: string, preview: Preview): void {
  const { contexts, before, after, gains, loses, moves, unchanged, also, examples } = preview;
  terminal.print(`${key} for ${counted(contexts, "context")}; nothing is saved:`);
  terminal.print(
    formatPairs(
      [
        ["on now", `${before.on} of ${contexts}`],
        ["on after", `${after.on} of ${contexts}`],
        ["gain", `${gains.count}${variantsInWords(gains.by_variant)}${exampleInWords(examples.gains)}`],
        ["lose", `${loses.count}${variantsInWords(loses.by_variant)}${exampleInWords(examples.loses)}`],
        ...(moves.count === 0
          ? []
          : [
              [
                "change variant",
                `${moves.count}${movesInWords(moves)}${exampleInWords(examples.moves)}`,
              ] as const,
            ]),
        ["unchanged", String(unchanged)],
      ],
      terminal.paint,
    ),
  );
  if (also.length === 0) return;
  const rows = also.map(({ flag_key: flag, gains, loses }) => [
    visible(flag, 64),
    String(gains),
    String(loses),
  ]);
  terminal.print(`\nFlags that also change, because they need ${key}:`);
  terminal.print(formatTable(["FLAG", "GAIN", "LOSE"], rows, terminal));
}

/** Leaves out "on", the only variant of a boolean flag. */
function variantsInWords(counts: Readonly<Record<string, number>>): string {
  const variants = Object.entries(counts).filter(([variant, count]) => variant !== "on" && count > 0);
  if (variants.length === 0) return "";
  return ` (${variants.map(([variant, count]) => `${visible(variant, 64)}: ${count}`).join(", ")})`;
}

function movesInWords({ by_variants: moves }: Preview["moves"]): string {
  const words = moves.map(({ from, to, count }) => `${visible(from, 64)} -> ${visible(to, 64)}: ${count}`);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function exampleInWords(ids: readonly string[]): string {
  return ids.length === 0 ? "" : `, for example ${idsInWords(ids.slice(0, 3), 3)}`;
}
