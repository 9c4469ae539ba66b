import { defineConfig } from "vitest/config";
import { cloudflareTest } from "@cloudflare/vitest-plugin";

const report = process.env["SLUICE_TEST_REPORT"];

/** Each project is one kind of room to run in; `npm test` runs those that need no Debian package. */
export default defineConfig({
  test: {
    // .ci/run counts from a report; people read the terminal.
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "edge", include: ["test/worker/**/*.test.ts"] },
      },
      {
        test: {
          name: "worker-http",
          include: ["test/worker-http/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "publisher",
          include: ["test/publisher/**/*.test.ts", "test/contract/**/*.test.ts"],
          globalSetup: ["test/support/postgres-global-setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Needs Debian's redis-server: the same contract suite once more, on a real Redis.
        test: {
          name: "redis",
          include: ["test/redis/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
