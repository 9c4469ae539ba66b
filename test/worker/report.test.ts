import { expect, it } from "vitest";
import { WorkerFault, createReport, toFault } from "../../worker/isolate/fault.ts";

function reporting() {
  const lines: unknown[] = [];
  const clock = { now: 0 };
  const report = createReport(
    (line) => void lines.push(JSON.parse(line)),
    () => clock.now,
  );
  return { lines, clock, report };
}

it("writes one line per kind of fault in ten seconds, with the number of faults", () => {
  const { lines, clock, report } = reporting();
  const fault = new WorkerFault("redis-timeout", "late");
  for (const now of [0, 1, 9_999, 10_000, 20_000]) {
    clock.now = now;
    report(fault);
  }
  const line = { sluice: "fault", fault: "redis-timeout", detail: "late" };
  expect(lines).toEqual([line, { ...line, suppressed: 2 }, line]);
});

it("writes different faults at once", () => {
  const { lines, report } = reporting();
  report(new WorkerFault("redis-timeout", "late"));
  report(new WorkerFault("head-missing", "gone"));
  expect(lines).toHaveLength(2);
});

it("reports only the class of an unexpected error", () => {
  const { lines, report } = reporting();
  report(toFault(new TypeError("token hunter2 of user-1")));
  report(toFault("hunter2"));
  expect(JSON.stringify(lines)).toContain("TypeError");
  expect(JSON.stringify(lines)).not.toContain("hunter2");
});
