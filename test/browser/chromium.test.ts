import { expect, it } from "vitest";
import { findChromium } from "./chromium.ts";

it("a browser that is not there fails the suite, and says how to get one", async () => {
  await expect(findChromium("/nowhere/chromium")).rejects.toThrow(
    "/nowhere/chromium not found: apt-get install chromium, or name one in SLUICE_TEST_CHROMIUM",
  );
});
