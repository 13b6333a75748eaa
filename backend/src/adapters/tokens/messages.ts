/** What the counting thread is asked, one thing at a time, and answers once each. */
export type Request =
  | { kind: 'load'; model: string; json: Uint8Array; config: Uint8Array | null }
  | { kind: 'drop'; model: string }
  | { kind: 'count'; model: string; texts: readonly string[] };

export type Answer = { count: number } | { error: string };
