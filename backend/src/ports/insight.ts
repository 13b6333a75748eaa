import type { RevisionSpec } from './runtime.ts';

export interface PodContainer {
  name: string;
  image: string;
  /** it runs before the others and ends */
  init: boolean;
  ready: boolean;
  restarts: number;
  state: 'waiting' | 'running' | 'ended';
  reason: string | null;
  message: string | null;
  exitCode: number | null;
  startedAt: string | null;
  /** an instance before this one ended, whose log can still be read */
  previous: boolean;
}

/** One replica of a revision as it runs. */
export interface Pod {
  name: string;
  phase: string;
  ready: boolean;
  restarts: number;
  node: string | null;
  reason: string | null;
  message: string | null;
  createdAt: string;
  containers: PodContainer[];
}

/** Something that happened to an object; again and again is told once, with the count. */
export interface RuntimeEvent {
  id: string;
  type: 'normal' | 'warning';
  reason: string;
  message: string;
  object: { kind: string; name: string };
  /** null: it is about the endpoint as a whole */
  revision: number | null;
  count: number;
  firstSeen: string;
  lastSeen: string;
  source: string;
}

export interface LogQuery {
  /** null: the one that fares worst */
  pod: string | null;
  container: string | null;
  previous: boolean;
  /** the last of those that are there already */
  lines: number;
}

export interface ManifestDifference {
  kind: string;
  name: string;
  /** empty: the whole object */
  path: string;
  change: 'added' | 'removed' | 'changed';
  before: unknown;
  after: unknown;
}

/** What a runtime can tell of what it runs, beyond its health. */
export interface Insight {
  pods(revisionId: string): Promise<Pod[]>;
  events(of: Pick<RevisionSpec, 'endpointId' | 'environment'>): Promise<RuntimeEvent[]>;
  /** Lines as they are written, until the pod is gone or `signal` aborts. Throws `pod_not_found`, `pod_log_unavailable`. */
  follow(revisionId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<string>;
  /** The lines that are there. Throws as `follow` does. */
  read(revisionId: string, query: LogQuery): Promise<string[]>;
  /** Pure. */
  differences(
    before: readonly Record<string, unknown>[],
    after: readonly Record<string, unknown>[],
  ): ManifestDifference[];
}
