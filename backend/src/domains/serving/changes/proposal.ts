import type { ChangePlan, Environment } from '@llm-ops/contracts';

interface Known {
  now: Date;
  by: string;
  environment: Environment;
  route: string;
  /** what takes the traffic there now; null: nothing does */
  live: { number: number; modelName: string; version: string; image: string; artifactDigest: string | null } | null;
  wanted: { modelName: string; version: string; storageUri: string | null; artifactDigest: string | null };
  rollbackPlan: string;
  team: string;
  /** how long a rollout may take before it is given up */
  rolloutTimeoutMs: number;
  /** so long it is compared with the revision before, and taken back by itself when it is worse */
  watch: { ms: number; moreErrors: number; slower: number };
  shares: readonly number[] | null;
}

const windowMs = 2 * 3_600_000;

/**
 * A plan to begin with, from what the platform knows of the change: what a rollback returns to, where the files are, how long a rollout
 * takes. Its author reads it and corrects it. Pure.
 */
export function proposedPlan(known: Known): ChangePlan {
  const { live, wanted, environment, route } = known;
  const minute = Math.floor(known.now.getTime() / 60_000) * 60_000;
  const minutes = (ms: number) => Math.max(1, Math.round(ms / 60_000));
  const digest = (text: string | null) => (text === null ? 'no digest: it is served elsewhere' : `digest ${text}`);
  const lines = (...all: (string | false)[]) => all.filter((line) => line !== false).join('\n');
  const numbered = (...all: (string | false)[]) =>
    lines(...all.filter((line) => line !== false).map((line, index) => `${index + 1}. ${line}`));
  return {
    backup: {
      kept: lines(
        live === null
          ? `Nothing serves ${route} in ${environment} yet, so there is nothing to lose: taking it back is deleting it.`
          : `Revision ${live.number} (${live.modelName} ${live.version}, ${live.image || 'external'}, ${digest(live.artifactDigest)}) stays in the history and its files in the object store.`,
        wanted.storageUri !== null &&
          `Files of ${wanted.modelName} ${wanted.version}: ${wanted.storageUri}, ${digest(wanted.artifactDigest)}.`,
        'Database (catalog, endpoints, revisions, audit) and object store: the last `llmops backup`.',
      ),
      restore: numbered(
        live === null
          ? `Delete the endpoint ${route} in ${environment}.`
          : `Roll back to revision ${live.number}: the button of the endpoint, or POST /llm-ops/v1/serving/endpoints/{id}/rollback with {"revision": ${live.number}}.`,
        live !== null && known.rollbackPlan,
        'Were the database lost: `llmops restore` of the last backup, then look at the endpoints.',
      ),
      verification:
        live === null
          ? 'The test completion of the new endpoint answers before it takes traffic.'
          : `Revision ${live.number} served until now; after a rollback its test completion must answer.`,
    },
    maintenance: {
      startsAt: new Date(minute).toISOString(),
      endsAt: new Date(minute + windowMs).toISOString(),
      steps: lines(
        `1. See that ${route} in ${environment} is ${live === null ? 'free' : 'healthy'} and the last backup is recent.`,
        '2. Apply the change; the new revision starts beside what serves, and takes traffic once it answers the test completion.',
        known.shares === null
          ? `3. Wait until it is healthy, at most ${minutes(known.rolloutTimeoutMs)} minutes; then it is given up by itself.`
          : `3. Watch it at ${known.shares.join(', ')} % of the traffic; it is taken back by itself when it is worse.`,
        '4. Run a test completion and look at errors and latency.',
      ),
      contact: `${known.by}, team ${known.team}`,
      rollbackCriteria: lines(
        `It does not become healthy within ${minutes(known.rolloutTimeoutMs)} minutes.`,
        `Errors are more than ${known.watch.moreErrors} percentage points above, or p95 latency more than ${known.watch.slower} % above the revision before.`,
      ),
      informed: `Team ${known.team}, and those who call ${route} in ${environment}.`,
    },
  };
}
