import type { ChangePlan, Environment } from '@llm-ops/contracts';
import type { Said, Sentence, Value } from '#platform/words';
import { planWords } from './sentences.ts';

interface Known {
  now: Date;
  by: string;
  environment: Environment;
  route: string;
  /** what takes the traffic there now; null: nothing does */
  live: { number: number; modelName: string; version: string; image: string; artifactDigest: string | null } | null;
  wanted: {
    modelName: string;
    version: string;
    storageUri: string | null;
    artifactDigest: string | null;
    /** its name there, where its runtime fetches it from Hugging Face */
    hub: string | null;
  };
  rollbackPlan: string | Sentence;
  team: string;
  /** how long a rollout may take before it is given up */
  rolloutTimeoutMs: number;
  /** so long it is compared with the revision before, and taken back by itself when it is worse */
  watch: { ms: number; moreErrors: number; slower: number };
  shares: readonly number[] | null;
}

const windowMs = 2 * 3_600_000;
const joined = (all: readonly (Value | false)[]): Value =>
  all.filter((one) => one !== false).reduceRight((rest, first) => planWords.line('two_lines', { first, rest }));
const numbered = (all: readonly (Value | false)[]): Value =>
  joined(
    all.filter((one) => one !== false).map((step, index) => planWords.line('numbered', { number: index + 1, step })),
  );
const digestLine = (digest: string | null): Sentence =>
  digest === null ? planWords.line('no_digest') : planWords.line('digest', { digest });

/**
 * A plan to begin with, from what the platform knows of the change: what a rollback returns to, where the files are, how long a rollout
 * takes. Its author reads it and corrects it. Pure.
 */
export function proposedPlan(known: Known): { plan: ChangePlan; said: { backup: Said; maintenance: Said } } {
  const minute = Math.floor(known.now.getTime() / 60_000) * 60_000;
  const backup = backupOf(known);
  const maintenance = procedureOf(known);
  return {
    plan: {
      backup: { kept: backup.kept, restore: backup.restore, verification: backup.verification },
      maintenance: {
        startsAt: new Date(minute).toISOString(),
        endsAt: new Date(minute + windowMs).toISOString(),
        steps: maintenance.steps,
        contact: maintenance.contact,
        rollbackCriteria: maintenance.rollbackCriteria,
        informed: maintenance.informed,
      },
    },
    said: { backup: backup.said, maintenance: maintenance.said },
  };
}

function backupOf({ live, wanted, environment, route, rollbackPlan }: Known) {
  const place = { route, environment };
  const kept = planWords.tell('kept', {
    lines: joined([
      live === null
        ? planWords.line('kept_nothing', place)
        : planWords.line('kept_revision', {
            revision: String(live.number),
            model: live.modelName,
            version: live.version,
            image: live.image || planWords.line('external'),
            digest: digestLine(live.artifactDigest),
          }),
      wanted.hub !== null &&
        planWords.line('kept_hub', { model: wanted.modelName, version: wanted.version, hub: wanted.hub }),
      wanted.hub === null &&
        wanted.storageUri !== null &&
        planWords.line('kept_files', {
          model: wanted.modelName,
          version: wanted.version,
          uri: wanted.storageUri,
          digest: digestLine(wanted.artifactDigest),
        }),
      planWords.line('kept_database'),
    ]),
  });
  const restore = planWords.tell('restore', {
    lines: numbered([
      live === null
        ? planWords.line('restore_delete', place)
        : planWords.line('restore_revision', {
            revision: String(live.number),
            call: `POST /llm-ops/v1/serving/endpoints/{id}/rollback with {"revision": ${live.number}}`,
          }),
      live !== null && rollbackPlan,
      planWords.line('restore_database'),
    ]),
  });
  const verified =
    live === null ? planWords.tell('verified_new') : planWords.tell('verified', { revision: String(live.number) });
  return { ...kept, ...restore, ...verified, said: { ...kept.said, ...restore.said, ...verified.said } };
}

function procedureOf({ live, environment, route, shares, rolloutTimeoutMs, watch, by, team }: Known) {
  const place = { route, environment };
  const minutes = Math.max(1, Math.round(rolloutTimeoutMs / 60_000));
  const steps = planWords.tell('steps', {
    lines: numbered([
      planWords.line(live === null ? 'step_free' : 'step_healthy', place),
      planWords.line('step_apply'),
      shares === null
        ? planWords.line('step_wait', { minutes })
        : planWords.line('step_watch', { shares: shares.map(String) }),
      planWords.line('step_look'),
    ]),
  });
  const contact = planWords.tell('contact', { by, team });
  const criteria = planWords.tell('criteria', {
    lines: joined([
      planWords.line('criteria_time', { minutes }),
      planWords.line('criteria_worse', { errors: watch.moreErrors, slower: watch.slower }),
    ]),
  });
  const informed = planWords.tell('informed', { team, ...place });
  return {
    ...steps,
    ...contact,
    ...criteria,
    ...informed,
    said: { ...steps.said, ...contact.said, ...criteria.said, ...informed.said },
  };
}
