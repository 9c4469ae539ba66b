/**
 * Multiplies every limit against hanging, so that no test fails because a machine is slow. Such a limit is for a test
 * that would otherwise wait for ever; no test measures time with it.
 */
export const PATIENCE = read(process.env["SLUICE_TEST_PATIENCE"] ?? "5");

/** A limit against hanging, in milliseconds, from what an idle machine needs at most. */
export const patient = (ms: number): number => ms * PATIENCE;

function read(text: string): number {
  const factor = Number(text);
  if (factor > 0) return factor;
  throw new Error(`SLUICE_TEST_PATIENCE is "${text}": write a number above 0`);
}
