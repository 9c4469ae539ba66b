import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { LongestFirst } from "./test/support/longest-first.ts";
import { patient } from "./test/support/patience.ts";

const report = process.env["SLUICE_TEST_REPORT"];

/** Limits against hanging: no test fails because a machine is slow. */
const limits = {
  testTimeout: patient(60_000),
  hookTimeout: patient(120_000),
  expect: { poll: { timeout: patient(20_000) } },
};

const bundle = "test/support/worker-bundle.ts";

/** Files of one project share a process, and with it the modules they import. */
const shared = { isolate: false, ...limits };

/** Each project is one kind of room to run in; `npm test` runs those that need no Debian package. */
export default defineConfig({
  test: {
    // .ci/run counts from a report; people read the terminal.
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    // One more than the cores: many tests wait for a server or a timer. Vitest's own choice is one less.
    maxWorkers: availableParallelism() + 1,
    // Read by test/support/thoroughness.ts, also inside workerd, which sees no environment.
    provide: { runs: process.env["SLUICE_TEST_RUNS"] ?? "100" },
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...shared } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "edge", include: ["test/worker/**/*.test.ts"], ...shared },
      },
      {
        test: {
          name: "worker-http",
          include: ["test/worker-http/**/*.test.ts"],
          globalSetup: [bundle],
          ...shared,
        },
      },
      {
        test: {
          name: "publisher",
          include: ["test/publisher/**/*.test.ts", "test/contract/**/*.test.ts"],
          globalSetup: ["test/support/postgres-global-setup.ts", bundle],
          ...shared,
        },
      },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], globalSetup: [bundle], ...shared } },
      // What `npm test` leaves to `npm run test:all`: it starts a new Postgres in each test.
      { test: { name: "long", include: ["test/long/**/*.test.ts"], ...shared } },
      {
        // Needs Debian's redis-server: the same contract suite once more, on a real Redis.
        test: { name: "redis", include: ["test/redis/**/*.test.ts"], ...limits },
      },
      {
        // Needs Debian's pgbouncer: the publisher behind a pooler.
        test: { name: "pooler", include: ["test/pooler/**/*.test.ts"], ...limits },
      },
      {
        // Needs Debian's nginx and varnish: real caches before and behind the worker.
        test: {
          name: "caches",
          include: ["test/caches/**/*.test.ts"],
          fileParallelism: false,
          ...limits,
        },
      },
      {
        // Needs Debian's chromium and openssl: a real browser before the worker.
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          globalSetup: ["test/support/postgres-global-setup.ts", bundle],
          ...shared,
        },
      },
      {
        // Needs Debian's redis-server, too: every part as a process that is killed at random instants.
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          fileParallelism: false,
          ...limits,
        },
      },
    ],
  },
});
