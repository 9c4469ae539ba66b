/** A foreseen fault: somebody else's server runs in the data folder. The message says whose, and what to do. */
export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
}
