/** One way to fail. */
export interface Fault {
  begin(): Promise<void>;
  /** Mends what `begin` did; afterwards all is as before. */
  end(): Promise<void>;
}

/** By their names, the ways in which one part can fail. */
export type Faults = Readonly<Record<string, Fault>>;
