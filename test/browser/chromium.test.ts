import { expect, it } from "vitest";
import { findChromium } from "./chromium.ts";

it("without a browser the suite fails, and says how to install one", async () => {
  await expect(findChromium("/nowhere/chromium")).rejects.toThrow(
    "/nowhere/chromium not found: apt-get install chromium, or name one in SLUICE_TEST_CHROMIUM",
  );
});
