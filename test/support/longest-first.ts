import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, with the seconds that each takes on an idle machine. */
const SECONDS: Readonly<Record<string, number>> = {
  "test/worker-http/colo.test.ts": 20,
  "test/worker-http/redis-faults.test.ts": 18,
  "test/worker-http/gates.test.ts": 9,
  "test/worker-http/snapshot.test.ts": 8,
  "test/worker-http/outage.test.ts": 6,
  "test/worker-http/jwt.test.ts": 6,
  "test/publisher/cli-edge.test.ts": 30,
  "test/publisher/api-kill.test.ts": 30,
  "test/publisher/cli-outage.test.ts": 20,
  "test/publisher/cli-connection.test.ts": 16,
  "test/publisher/divergence.test.ts": 14,
  "test/publisher/cli-server.test.ts": 12,
  "test/publisher/cli-local-system.test.ts": 12,
  "test/publisher/postgres-faults.test.ts": 12,
  "test/publisher/publishing.test.ts": 10,
  "test/publisher/api-generated.test.ts": 10,
  "test/publisher/cli-faults.test.ts": 10,
  "test/publisher/api-faults.test.ts": 9,
  "test/publisher/gate-test-worker.test.ts": 8,
  "test/publisher/cli.test.ts": 8,
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
