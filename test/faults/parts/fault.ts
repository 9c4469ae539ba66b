/** One kind of fault. */
export interface Fault {
  begin(): Promise<void>;
  /** Undoes what `begin` did. */
  end(): Promise<void>;
}

/** The kinds of fault of one part, by name. */
export type Faults = Readonly<Record<string, Fault>>;
