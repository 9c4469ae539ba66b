// Prints "N passed, N failed" as its last line, from the JSON reports of the test runs.
//
//     node test/count-tests.ts <failed steps> <report>...
//
// A test that two runs share counts once: as failed if it failed in any of them. A test that was only skipped, a file
// that did not run and a report that is missing count as failed.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";

/** The part of Vitest's JSON report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const [failedSteps, ...reports] = process.argv.slice(2);

/** What became of each test, by file, name, and place among the tests of one name. */
const outcomes = new Map<string, Set<string>>();
const add = (test: string, outcome: string): void =>
  void outcomes.set(test, (outcomes.get(test) ?? new Set()).add(outcome));

for (const path of reports) {
  const report = readReport(path);
  if (report === undefined) {
    add(`${path}: the report`, "missing");
    continue;
  }
  const seen = new Map<string, number>();
  for (const { name, status, assertionResults } of report.testResults) {
    const file = relative(process.cwd(), name);
    // A file that cannot be imported, or a hook that fails, fails no test.
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) {
      add(`${file}: the file`, "failed");
    }
    for (const test of assertionResults) {
      const key = `${file}: ${test.fullName}`;
      const place = (seen.get(key) ?? 0) + 1;
      seen.set(key, place);
      add(`${key} #${place}`, test.status);
    }
  }
}

const bad = [...outcomes].filter(([, of]) => of.has("failed") || !of.has("passed"));
for (const [test, of] of bad) console.log(`*** ${[...of].join(", ")}: ${test}`);

const passed = outcomes.size - bad.length;
// A step that failed without a failing test is a failure, too: a check, the demo, an installation.
const failed = bad.length > 0 ? bad.length : Number(failedSteps);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport(path: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return undefined;
  }
}
