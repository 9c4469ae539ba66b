import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, with the seconds that each takes on an idle machine. */
const SECONDS: Readonly<Record<string, number>> = {};

/** Files of one project stay together: they share a process. */
const PROJECTS = ["e2e", "worker-http", "publisher", "unit", "edge"];

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
