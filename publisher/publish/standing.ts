import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import type { PublisherStatus } from "./publisher.ts";

/** What a read or a write tells beside what it is about. */
export interface Standing {
  /** Where Postgres stands. */
  readonly state: Version;
  /** Whether Redis is known to hold that. */
  readonly published: boolean;
}

/** Whether Redis holds a state, as far as this publisher knows. */
export function standingOf(state: Version, { published }: PublisherStatus): Standing {
  const isPublished =
    published !== undefined && published.epoch === state.epoch && compareVersions(published, state) >= 0;
  return { state, published: isPublished };
}

/** The same in an answer. */
export function standingMembers({ state, published }: Standing) {
  return { epoch: state.epoch, revision: state.revision, published };
}
