import type { ScoreWeights } from '@llm-ops/contracts';
import type { Access, Identity } from '#platform/access';
import type { Db } from '#platform/db';
import type { Events } from '#platform/events';
import type { Trx } from '#platform/http';
import type { Jobs } from '#platform/jobs';
import type { Logger } from '#platform/log';
import type { Secrets } from '#platform/secrets';
import type { Uploads } from '#platform/uploads';
import type { Workers } from '#platform/workers';
import type { Hub } from '#ports/hub';
import type { Objects } from '#ports/objects';

/** Finds names and places in texts, by a server of its own. */
export type FindEntities = (
  texts: readonly string[],
) => Promise<{ index: number; type: string; start: number; end: number; confidence: number }[]>;

/** Something of another domain that refers to a dataset. */
export interface DatasetReference {
  kind: 'model' | 'job' | 'run';
  id: string;
  label: string;
  status: string;
  /** whose it is; only who may see that is told its name. Left out: everybody is */
  owner?: { team: string; visibility: 'team' | 'organization'; createdBy: string };
}

/** Those of one kind that refer to a dataset now, and so keep it from being deleted. */
export type FindDatasetReferences = (trx: Trx, datasetId: string) => Promise<DatasetReference[]>;

export interface DatasetsDeps {
  db: Pick<Db, 'kysely'>;
  objects: Objects;
  /** resumed uploads; asked for when one is complete, because uploads and datasets need each other */
  uploads?: () => Pick<Uploads, 'assemble' | 'fail'>;
  jobs: Pick<Jobs, 'define' | 'send' | 'every'>;
  events: Pick<Events, 'publish'>;
  secrets: Pick<Secrets, 'ensure'>;
  hub: Hub;
  /** the engine's processes: those for people who wait, and those for long work */
  workers: { quick: Workers; long: Workers };
  /** null: no Presidio server is configured */
  entities: FindEntities | null;
  /** `tokenizer.json` and its configuration of a model, and the context length; null: it has none */
  tokenizerOf(
    access: Access | null,
    modelId: string,
  ): Promise<{ json: Buffer; config: Buffer | null; contextLength: number | null } | null>;
  /** The team that a row will belong to: made on first use by those whose it is. Throws `team_not_found`. */
  ensureTeam(trx: Trx, name: string, identity: Identity): Promise<void>;
  log: Logger;
  now(): Date;
  config: {
    /** whoever submitted cannot approve */
    fourEyes: boolean;
    /** of one file */
    maxFileBytes: number;
    /** quality score that an approval needs */
    threshold: number;
    weights: ScoreWeights;
    /** of one long task */
    timeoutMs: number;
    /** folder of this server for copies of objects and work under way */
    workDir: string;
    /** validations, redactions and imports at a time; 1 when not given, as many as there are processes for long work at most */
    concurrency?: number;
    /** where people find this server, for links in what they take away; when not given, as the request called it */
    publicUrl?: string;
  };
}
