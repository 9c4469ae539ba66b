import { defineConfig } from "vitest/config";
import { cloudflareTest } from "@cloudflare/vitest-plugin";

const report = process.env["SLUICE_TEST_REPORT"];

/** Bounds against hanging, in milliseconds; far above what a busy machine needs. */
const patient = { testTimeout: 60_000, hookTimeout: 120_000 };

/** Each project is one kind of room to run in; `npm test` runs those that need no Debian package. */
export default defineConfig({
  test: {
    // .ci/run counts from a report; people read the terminal.
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...patient } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "edge", include: ["test/worker/**/*.test.ts"], ...patient },
      },
      {
        test: {
          name: "worker-http",
          include: ["test/worker-http/**/*.test.ts"],
          ...patient,
        },
      },
      {
        test: {
          name: "publisher",
          include: ["test/publisher/**/*.test.ts", "test/contract/**/*.test.ts"],
          globalSetup: ["test/support/postgres-global-setup.ts"],
          ...patient,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Needs Debian's redis-server: the same contract suite once more, on a real Redis.
        test: {
          name: "redis",
          include: ["test/redis/**/*.test.ts"],
          ...patient,
        },
      },
      {
        // Needs Debian's nginx and varnish: real caches before and behind the worker.
        test: {
          name: "caches",
          include: ["test/caches/**/*.test.ts"],
          fileParallelism: false,
          ...patient,
        },
      },
      {
        // Needs Debian's chromium and openssl: a real browser before the worker.
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          // One process for all files: they bundle the same worker.
          isolate: false,
          globalSetup: ["test/support/postgres-global-setup.ts"],
          ...patient,
        },
      },
      {
        // Needs Debian's redis-server, too: every part as a process that is killed at random instants.
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          fileParallelism: false,
          ...patient,
        },
      },
    ],
  },
});
