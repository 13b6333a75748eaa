import { z } from 'zod';
import {
  HubId,
  HubRevision,
  Id,
  IdParams,
  Metadata,
  Name,
  Page,
  Said,
  TeamName,
  Text,
  Time,
  VersionLabel,
  Visibility,
} from './common.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

export const modelTypes = ['base', 'fine-tuned', 'external'] as const;
export const ModelType = z.enum(modelTypes);
export type ModelType = z.infer<typeof ModelType>;

export const modelStatuses = ['draft', 'under_review', 'approved', 'rejected', 'deprecated'] as const;
export const ModelStatus = z.enum(modelStatuses);
export type ModelStatus = z.infer<typeof ModelStatus>;
/** `pending_review` is the documents' other word for `under_review`. */
export const ModelStatusIn = z
  .enum([...modelStatuses, 'pending_review'])
  .transform((status): ModelStatus => (status === 'pending_review' ? 'under_review' : status));

export const ModelFile = z.object({
  path: z.string(),
  size: z.number().int().nonnegative().describe('bytes'),
  sha256: z.string(),
  status: z.enum(['ready', 'verifying', 'failed']),
  notes: z.array(z.string()).describe('What the inspection found: pickle opcodes, wrong header …'),
});
export type ModelFile = z.infer<typeof ModelFile>;

export const Inspection = z.object({
  format: z.enum(['safetensors', 'gguf', 'pickle', 'onnx', 'unknown']),
  architecture: z.string().nullable(),
  parameters: z.number().nullable(),
  dtype: z.string().nullable(),
  contextLength: z.number().nullable(),
  layers: z.number().nullable(),
  hiddenSize: z.number().nullable(),
  heads: z.number().nullable(),
  kvHeads: z.number().nullable(),
  headDim: z.number().nullable(),
  vocabularySize: z.number().nullable(),
  weightBytes: z.number(),
  tokenizer: z.boolean(),
  chatTemplate: z.boolean(),
});

export const Completeness = z.object({
  score: z.number().int().min(0).max(100),
  missing: z.array(z.object({ path: z.string(), message: z.string(), required: z.boolean(), said: Said })),
});

export const Model = z.object({
  id: Id,
  name: z.string(),
  version: z.string(),
  type: ModelType,
  model_family: z.string().nullable(),
  status: ModelStatus,
  owner_team: z.string(),
  project: z.string().nullable(),
  visibility: Visibility,
  metadata: Metadata,
  lineage_dataset_ids: z.array(Id),
  base_model_id: Id.nullable(),
  storage_uri: z.string().nullable(),
  files: z.array(ModelFile),
  inspection: Inspection.nullable(),
  completeness: Completeness,
  contains_pickle: z.boolean(),
  pickle_accepted: z.boolean(),
  has_api_key: z.boolean(),
  submitted_by: z.string().nullable(),
  submitted_at: Time.nullable(),
  approved_by: z.string().nullable(),
  approved_at: Time.nullable(),
  approval_digest: z.string().nullable().describe('Digest of the file set that was approved.'),
  review_notes: z.string().nullable(),
  created_by: z.string(),
  created_at: Time,
  updated_at: Time,
});
export type Model = z.infer<typeof Model>;

const card = {
  model_family: Name.nullish(),
  metadata: Metadata.default({}).describe(
    'The card: description, intended_use, license, limitations, huggingface_model_id; external: provider, model_name, api_key, base_url or endpoint.',
  ),
  lineage_dataset_ids: z.array(Id).max(200).default([]),
  base_model_id: Id.nullish(),
  project: Name.nullish(),
};

export const ModelCreate = z.object({
  name: Name,
  version: VersionLabel,
  type: ModelType,
  owner_team: TeamName,
  ...card,
  visibility: Visibility.optional().describe("The team's until approved, then the organization's, unless given."),
});

export const ModelPatch = z.object({
  model_family: Name.nullish(),
  metadata: Metadata.optional().describe(
    'Replaces the card as a whole; a stored api_key stays unless another one is given or the provider or its address changes.',
  ),
  lineage_dataset_ids: z.array(Id).max(200).optional(),
  base_model_id: Id.nullish(),
  visibility: Visibility.optional(),
  project: Name.nullish(),
});

export const ApprovalDecision = z.object({
  decision: z.enum(['approve', 'reject', 'request_changes']),
  notes: Text.optional(),
  accept_pickle: z.boolean().default(false),
});

export const ApprovalTask = z.object({
  id: Id,
  kind: z.enum(['model', 'dataset']),
  model_id: Id.nullable(),
  dataset_id: Id.nullable(),
  name: z.string(),
  version: z.string(),
  type: z.string().nullable().describe('of the model or dataset'),
  owner_team: z.string(),
  submitted_by: z.string(),
  submitted_at: Time,
  completeness: Completeness,
  contains_pickle: z.boolean(),
  status: z.enum(['open', 'approved', 'rejected', 'changes_requested', 'void']),
  decided_by: z.string().nullable(),
  decided_at: Time.nullable(),
  notes: z.string().nullable(),
});

export const FieldChange = z.object({
  path: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  before: z.unknown(),
  after: z.unknown(),
});
export const TensorChange = z.object({
  name: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  before: z.object({ dtype: z.string(), shape: z.array(z.number()) }).nullable(),
  after: z.object({ dtype: z.string(), shape: z.array(z.number()) }).nullable(),
});
export const ModelComparison = z.object({
  before: z.object({ id: Id, version: z.string() }),
  after: z.object({ id: Id, version: z.string() }),
  summary: z.object({ fields: z.number(), files: z.number(), tensors: z.number() }),
  metadata: z.array(FieldChange),
  card: z.object({ before: z.string(), after: z.string() }).describe('Card texts for a side-by-side diff.'),
  files: z.array(
    z.object({
      path: z.string(),
      change: z.enum(['added', 'removed', 'changed', 'same']),
      before: z.object({ size: z.number(), sha256: z.string() }).nullable(),
      after: z.object({ size: z.number(), sha256: z.string() }).nullable(),
    }),
  ),
  architecture: z.array(FieldChange),
  tensors: z.array(TensorChange),
});

export const LineageGraph = z.object({
  nodes: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['model', 'dataset', 'endpoint', 'job']),
      label: z.string(),
      status: z.string(),
      focus: z.boolean(),
    }),
  ),
  edges: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      relation: z.enum(['trained_on', 'derived_from', 'version_of', 'serves']),
    }),
  ),
});

const VersionParams = z.object({ id: Id, version: VersionLabel });
const CompareParams = z.object({ id: Id, v1: VersionLabel, v2: VersionLabel });

export const Import = z.object({
  id: Id,
  model_id: Id,
  huggingface_model_id: z.string(),
  revision: z.string(),
  status: z.enum(['queued', 'running', 'succeeded', 'failed']),
  files_total: z.number(),
  files_done: z.number(),
  bytes_total: z.number(),
  bytes_done: z.number(),
  error: z.string().nullable(),
  created_at: Time,
});

export const catalogRoutes = defineRoutes({
  listModels: {
    method: 'GET',
    path: '/catalog/models',
    summary: 'Models, newest first',
    tag: 'catalog',
    permission: 'model:read',
    list: true,
    query: Page.extend({
      type: ModelType.optional(),
      status: ModelStatusIn.optional(),
      owner_team: z.string().max(100).optional(),
      name: z.string().max(200).optional(),
    }),
    data: z.array(Model),
  },
  createModel: {
    method: 'POST',
    path: '/catalog/models',
    summary: 'Register a model version as a draft',
    tag: 'catalog',
    permission: 'model:write',
    body: ModelCreate,
    data: Model,
    idempotent: true,
    audit: { action: 'model.create', resource: 'model' },
    failures: ['model_version_exists'],
  },
  getModel: {
    method: 'GET',
    path: '/catalog/models/{id}',
    summary: 'One model version',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    data: Model,
    failures: ['model_not_found'],
  },
  updateModel: {
    method: 'PATCH',
    path: '/catalog/models/{id}',
    summary: 'Change the card of a draft',
    tag: 'catalog',
    permission: 'model:write',
    params: IdParams,
    body: ModelPatch,
    data: Model,
    audit: { action: 'model.update', resource: 'model' },
    failures: ['model_not_found', 'model_frozen'],
  },
  deleteModel: {
    method: 'DELETE',
    path: '/catalog/models/{id}',
    summary: 'Delete a model version that nothing refers to, and its files',
    tag: 'catalog',
    permission: 'model:delete',
    params: IdParams,
    data: z.object({ id: Id, filesRemoved: z.number(), filesLeft: z.number() }),
    audit: { action: 'model.delete', resource: 'model' },
    failures: ['model_not_found', 'model_in_use'],
  },
  updateModelStatus: {
    method: 'PATCH',
    path: '/catalog/models/{id}/status',
    summary: 'Submit, approve, reject, deprecate or reopen',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    query: z.object({
      status: ModelStatusIn.optional(),
      accept_pickle: z.stringbool().optional(),
      notes: z.string().max(2000).optional(),
    }),
    body: z
      .object({ status: ModelStatusIn.optional(), accept_pickle: z.boolean().optional(), notes: Text.optional() })
      .optional(),
    queryOrBody: true,
    data: Model,
    audit: { action: 'model.status', resource: 'model' },
    failures: ['model_not_found', 'model_incomplete', 'model_transition_invalid', 'model_four_eyes'],
  },
  uploadModelFiles: {
    method: 'POST',
    path: '/catalog/models/{id}/upload',
    summary: 'Upload files (multipart field `files`, repeated)',
    tag: 'catalog',
    permission: 'model:write',
    params: IdParams,
    rawBody: true,
    data: z.object({ id: Id, status: ModelStatus, storage_uri: z.string().nullable(), files: z.array(ModelFile) }),
    failures: ['model_not_found', 'model_frozen', 'file_type_refused', 'object_too_large'],
  },
  getModelFile: {
    method: 'GET',
    path: '/catalog/models/{id}/files/{path}',
    summary: 'Download a file',
    tag: 'catalog',
    permission: 'model:read',
    params: z.object({ id: Id, path: z.string().min(1).max(400) }),
    answer: 'file',
    failures: ['model_not_found', 'object_not_found'],
  },
  deleteModelFile: {
    method: 'DELETE',
    path: '/catalog/models/{id}/files/{path}',
    summary: 'Remove a file of a draft',
    tag: 'catalog',
    permission: 'model:write',
    params: z.object({ id: Id, path: z.string().min(1).max(400) }),
    data: Model,
    audit: { action: 'model.file.delete', resource: 'model' },
    failures: ['model_not_found', 'object_not_found', 'model_frozen'],
  },
  listModelVersions: {
    method: 'GET',
    path: '/catalog/models/{id}/versions',
    summary: 'All versions of this model',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    list: true,
    query: Page,
    data: z.array(Model),
    failures: ['model_not_found'],
  },
  createModelVersion: {
    method: 'POST',
    path: '/catalog/models/{id}/versions',
    summary: 'A new version with the card carried over',
    tag: 'catalog',
    permission: 'model:write',
    params: IdParams,
    body: z.object({
      version: VersionLabel,
      metadata: Metadata.optional(),
      lineage_dataset_ids: z.array(Id).optional(),
      copy_files: z.boolean().default(false),
    }),
    data: Model,
    idempotent: true,
    audit: { action: 'model.version.create', resource: 'model' },
    failures: ['model_not_found', 'model_version_exists'],
  },
  compareModelVersions: {
    method: 'GET',
    path: '/catalog/models/{id}/versions/{v1}/compare/{v2}',
    summary: 'What differs between two versions',
    tag: 'catalog',
    permission: 'model:read',
    params: CompareParams,
    data: ModelComparison,
    failures: ['model_not_found', 'model_version_not_found'],
  },
  decideModelVersion: {
    method: 'POST',
    path: '/catalog/models/{id}/versions/{version}/approve',
    summary: "A reviewer's decision",
    tag: 'catalog',
    permission: 'model:approve',
    params: VersionParams,
    body: ApprovalDecision,
    data: Model,
    audit: { action: 'model.review', resource: 'model' },
    failures: ['model_not_found', 'model_version_not_found', 'model_transition_invalid', 'model_four_eyes'],
  },
  rollbackModel: {
    method: 'POST',
    path: '/catalog/models/{id}/rollback',
    summary: 'Bring back the card of an earlier change or version',
    tag: 'catalog',
    permission: 'model:write',
    params: IdParams,
    body: z.object({ version: VersionLabel.optional(), change: z.number().int().min(1).max(2_147_483_647).optional() }),
    data: Model,
    audit: { action: 'model.rollback', resource: 'model' },
    failures: ['model_not_found', 'model_version_not_found', 'model_frozen'],
  },
  listModelChanges: {
    method: 'GET',
    path: '/catalog/models/{id}/changes',
    summary: 'History of the card',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    data: z.array(z.object({ number: z.number(), at: Time, by: z.string(), changes: z.array(FieldChange) })),
    failures: ['model_not_found'],
  },
  getModelLineage: {
    method: 'GET',
    path: '/catalog/models/{id}/lineage',
    summary: 'What it came from and what runs on it',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    data: LineageGraph,
    failures: ['model_not_found'],
  },
  replaceModelKey: {
    method: 'PUT',
    path: '/catalog/models/{id}/key',
    summary: 'Give an external model another key, also after its approval; endpoints take it up at once',
    tag: 'catalog',
    permission: 'model:write',
    params: IdParams,
    body: z.object({
      api_key: z
        .string()
        .regex(/^[\x21-\x7e]{1,4096}$/, sentences.provider_key)
        .describe('Stored encrypted and never shown again.'),
    }),
    data: Model,
    audit: { action: 'model.key', resource: 'model' },
    failures: ['model_not_found', 'model_not_external'],
  },
  testModelConnection: {
    method: 'POST',
    path: '/catalog/models/{id}/test-connection',
    summary: 'Ask the external provider whether it knows us and the model',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    data: z.object({ ok: z.boolean(), message: z.string(), latencyMs: z.number(), models: z.array(z.string()) }),
    audit: { action: 'model.test-connection', resource: 'model' },
    failures: ['model_not_found', 'model_not_external'],
  },
  importFromHuggingFace: {
    method: 'POST',
    path: '/catalog/models/import-from-huggingface',
    summary: 'Register a model of the Hugging Face hub and stream its files here',
    tag: 'catalog',
    permission: 'model:write',
    body: z.object({
      huggingface_model_id: HubId,
      revision: HubRevision,
      name: Name.optional(),
      version: VersionLabel.default('1'),
      type: z.enum(['base', 'fine-tuned']).default('base'),
      owner_team: TeamName,
      metadata: Metadata.default({}),
    }),
    data: z.object({ model: Model, import: Import }),
    idempotent: true,
    audit: { action: 'model.import', resource: 'model' },
    failures: ['model_version_exists', 'huggingface_unreachable', 'huggingface_refused'],
  },
  listModelImports: {
    method: 'GET',
    path: '/catalog/models/{id}/imports',
    summary: 'Imports of this model and how far they are',
    tag: 'catalog',
    permission: 'model:read',
    params: IdParams,
    data: z.array(Import),
    failures: ['model_not_found'],
  },
  listApprovals: {
    method: 'GET',
    path: '/catalog/approvals',
    summary: "A reviewer's tasks",
    tag: 'catalog',
    permission: 'model:read',
    list: true,
    query: Page.extend({
      status: z.enum(['open', 'approved', 'rejected', 'changes_requested', 'void']).default('open'),
      kind: z.enum(['model', 'dataset']).optional(),
    }),
    data: z.array(ApprovalTask),
  },
});
