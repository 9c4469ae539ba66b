/** Where a request goes that a gate turns away: another page of the site, passed on or redirected to, or an error page. */
export type Otherwise =
  | { readonly rewrite: string }
  | { readonly redirect: string; readonly status: 302 | 303 | 307 }
  | { readonly status: 403 | 404 | 410 };

/** One gate of a flag, as the snapshot carries it: pages that only those see for whom the flag is on. */
export interface Gate {
  /** A URLPattern for the pathname. */
  readonly pattern: string;
  readonly otherwise: Otherwise;
}

/** A flag's gates as they were at the deploy. */
export interface DeployedGate {
  readonly flag: string;
  readonly gates: readonly Gate[];
}
