import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, with the seconds that each takes on an idle machine. */
const SECONDS: Readonly<Record<string, number>> = {
  "test/publisher/api-faults.test.ts": 26,
  "test/publisher/api-kill.test.ts": 17,
  "test/publisher/cli-edge.test.ts": 16,
  "test/publisher/cli-faults.test.ts": 14,
  "test/publisher/api-broken-rows.test.ts": 13,
  "test/publisher/gate-test-worker.test.ts": 13,
  "test/publisher/postgres-faults.test.ts": 12,
  "test/publisher/publishing.test.ts": 12,
  "test/worker-http/colo.test.ts": 11,
  "test/worker-http/outage.test.ts": 11,
  "test/publisher/cli-server.test.ts": 11,
  "test/worker-http/redis-faults.test.ts": 10,
  "test/publisher/cli-connection.test.ts": 10,
  "test/publisher/cli-terminal.test.ts": 10,
  "test/publisher/api-segments.test.ts": 9,
  "test/publisher/cli-local-system.test.ts": 9,
  "test/publisher/divergence.test.ts": 9,
  "test/publisher/api-limits.test.ts": 8,
  "test/publisher/revision-counter.test.ts": 8,
  "test/e2e/rollout.test.ts": 7,
  "test/publisher/cli-outage.test.ts": 7,
  "test/worker-http/snapshot.test.ts": 6,
  "test/publisher/cli-variants.test.ts": 6,
  "test/worker-http/gates.test.ts": 5,
  "test/worker-http/jwt.test.ts": 5,
  "test/publisher/api-conditional.test.ts": 5,
  "test/publisher/api-rules.test.ts": 5,
  "test/publisher/cli.test.ts": 5,
  "test/publisher/api-requires.test.ts": 4,
  "test/publisher/cli-races.test.ts": 4,
};

/** Files of one project stay together: they share a process. */
const PROJECTS = ["e2e", "publisher", "worker-http", "edge", "unit"];

/** Starts the longest files first, so that no core is left alone with one at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = PROJECTS.indexOf(project.name);
      return [place === -1 ? PROJECTS.length : place, -(SECONDS[relative(root, moduleId)] ?? 0)] as const;
    };
    return files.toSorted((a, b) => {
      const [one, two] = [rank(a), rank(b)];
      return one[0] - two[0] || one[1] - two[1] || (a.moduleId < b.moduleId ? -1 : 1);
    });
  }
}
