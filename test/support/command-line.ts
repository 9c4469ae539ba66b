/** Splits a command line as a shell would, as far as our documents need it: blanks, and quotes around or within a word. */
export function splitCommandLine(line: string): readonly string[] {
  return Array.from(line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g), ([word]) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""),
  );
}
