import type { ApprovalTask } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access, Identity } from '#platform/access';
import type { Db } from '#platform/db';
import type { Events } from '#platform/events';
import type { Cursor, Trx } from '#platform/http';
import type { Jobs } from '#platform/jobs';
import type { Logger } from '#platform/log';
import type { Secrets } from '#platform/secrets';
import type { Uploads } from '#platform/uploads';
import type { Hub } from '#ports/hub';
import type { Objects } from '#ports/objects';

export interface ConnectionTest {
  ok: boolean;
  message: string;
  latencyMs: number;
  /** names that the provider knows */
  models: string[];
}

export interface CatalogDeps {
  db: Pick<Db, 'kysely'>;
  objects: Objects;
  /** resumed uploads; asked for when one is complete, because uploads and catalog need each other */
  uploads?: () => Pick<Uploads, 'assemble' | 'fail'>;
  jobs: Pick<Jobs, 'define' | 'send' | 'every'>;
  events: Pick<Events, 'publish'>;
  secrets: Pick<Secrets, 'put' | 'get' | 'remove'>;
  hub: Hub;
  /** Asks an external provider whether it knows us; `metadata` is the card of the model. Does not throw for what the provider does. */
  testConnection(external: { metadata: Record<string, unknown>; apiKey: string | null }): Promise<ConnectionTest>;
  /** The team that a row will belong to: made on first use by those whose it is. Throws `team_not_found`. */
  ensureTeam(trx: Trx, name: string, identity: Identity): Promise<void>;
  log: Logger;
  now(): Date;
  config: {
    /** whoever submitted cannot approve */
    fourEyes: boolean;
    /** of one file */
    maxFileBytes: number;
  };
}

/** Something of another domain that refers to a model. */
export interface Reference {
  kind: 'endpoint' | 'job';
  id: string;
  label: string;
  status?: string;
}

/** Who asks a provider with the key of this model is to read it again. */
export type KeyReplaced = (trx: Trx, modelId: string) => Promise<void>;

/** What the catalog of models asks about datasets. */
export interface DatasetsOfCatalog {
  /** What datasets are called and who sees them; those that are not there are left out. */
  describe(ids: readonly string[]): Promise<
    Map<
      string,
      {
        name: string;
        version: string;
        status: string;
        team: string;
        visibility: 'team' | 'organization';
        createdBy: string;
      }
    >
  >;
  /** A reviewer's tasks about datasets, newest first; one more than `page.limit`. */
  approvals(
    access: Access,
    status: z.infer<typeof ApprovalTask>['status'],
    page: { limit: number; cursor: Cursor | null },
  ): Promise<z.infer<typeof ApprovalTask>[]>;
}

/** Those that refer to the model now and so keep it from being deleted. */
export type FindReferences = (trx: Trx, modelId: string) => Promise<Reference[]>;
