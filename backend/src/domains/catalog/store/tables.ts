import type { ModelStatus, ModelType } from '@llm-ops/contracts';
import { sql, type Generated, type Kysely, type Selectable, type Transaction } from 'kysely';
import type { ModelFacts } from '#ports/runtime';
import type { FileFacts } from '../inspect/index.ts';
import type { Change } from '../rules.ts';

interface ModelTable {
  id: string;
  name: string;
  version: string;
  type: ModelType;
  model_family: string | null;
  status: ModelStatus;
  owner_team: string;
  project: string | null;
  visibility: 'team' | 'organization' | null;
  metadata: Record<string, unknown>;
  lineage_dataset_ids: string[];
  base_model_id: string | null;
  storage_uri: string | null;
  inspection: ModelFacts | null;
  has_api_key: boolean;
  pickle_accepted: boolean;
  submitted_by: string | null;
  submitted_at: Date | null;
  approved_by: string | null;
  approved_at: Date | null;
  approval_digest: string | null;
  review_notes: string | null;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

interface FileTable {
  model_id: string;
  path: string;
  size: number;
  sha256: string;
  status: 'ready' | 'verifying' | 'failed';
  notes: string[];
  facts: FileFacts;
  written_at: Generated<Date>;
}

export interface ChangeTable {
  model_id: string;
  number: number;
  at: Generated<Date>;
  changed_by: string;
  card: Card;
  changes: Change[];
}

interface ReviewTable {
  id: string;
  model_id: string;
  submitted_by: string;
  submitted_at: Generated<Date>;
  status: 'open' | 'approved' | 'rejected' | 'changes_requested' | 'void';
  decided_by: string | null;
  decided_at: Date | null;
  notes: string | null;
}

interface UploadTable {
  model_id: string;
  path: string;
  upload_id: string;
  touched_at: Generated<Date>;
}

// an interface is not assignable to a record
// oxlint-disable-next-line typescript/consistent-type-definitions
export type CatalogTables = {
  model: ModelTable;
  model_file: FileTable;
  model_change: ChangeTable;
  model_review: ReviewTable;
  model_upload: UploadTable;
};

export type ModelRow = Selectable<ModelTable>;
export type FileRow = Selectable<FileTable>;
export type ReviewRow = Selectable<ReviewTable>;

/** What a person writes of a model and history keeps. */
export interface Card {
  model_family: string | null;
  metadata: Record<string, unknown>;
  lineage_dataset_ids: string[];
  base_model_id: string | null;
}

/** A connection: the pool's, or a transaction's. */
export type Connection = Kysely<object> | Transaction<unknown>;

/** Everything of a model but what the database fills in. */
export type NewModel = Omit<ModelRow, 'created_at' | 'updated_at'>;

export interface Filters {
  type?: ModelType | undefined;
  status?: ModelStatus | undefined;
  owner_team?: string | undefined;
  name?: string | undefined;
}

export const on = (connection: Connection) => (connection as Kysely<object>).$extendTables<CatalogTables>();
export const json = <T>(value: T) => sql<T>`${JSON.stringify(value)}::jsonb`;
