import type { Insight } from './insight.ts';

export interface Probe {
  path: string;
  initialDelaySeconds?: number | undefined;
  periodSeconds?: number | undefined;
  failureThreshold?: number | undefined;
}

/** When replicas are added and taken away: percentages of what was requested, milliseconds to the first token. */
export interface Autoscale {
  cpuUtilization?: number | undefined;
  memoryUtilization?: number | undefined;
  gpuUtilization?: number | undefined;
  targetLatencyMs?: number | undefined;
  /** a metric of the pods, its average for each, and how long it stays low before a replica goes (`3m`) */
  metric?: { name: string; target: string; scaleDownDelay?: string | undefined } | undefined;
}

/** What only AIBrix reads: a model of an organization, by its own name in the namespace of models. */
export interface AibrixModel {
  /** DNS label; of its objects, of its route, and what its pods call it */
  name: string;
  /** keeps what is downloaded; `shared`: by all replicas and revisions (ReadWriteMany). null: each pod downloads for itself */
  storage: { className: string | null; size: string; shared: boolean } | null;
  /** of each GPU, bytes; null: any */
  minVramBytes: number | null;
  /** how many tokens of Hugging Face were given so far; the last is kept apart from every plan. null: none */
  token: number | null;
}

/** What a revision asks for, frozen at its creation; everything a runtime needs to plan it. */
export interface RevisionSpec {
  revisionId: string;
  endpointId: string;
  /** 1-based number of the revision within its endpoint */
  number: number;
  environment: 'dev' | 'stg' | 'prod';
  /** normalised, with leading slash */
  route: string;
  model: {
    id: string;
    name: string;
    version: string;
    type: 'base' | 'fine-tuned' | 'external';
    storageUri: string | null;
    /** object-store keys are `prefix` + path */
    prefix: string;
    files: { path: string; size: number; sha256: string }[];
    metadata: Record<string, unknown>;
    /** header facts found at upload, if any */
    inspection: ModelFacts | null;
  };
  image: string;
  useGpu: boolean;
  gpuCount: number;
  gpuType: string | null;
  minReplicas: number;
  maxReplicas: number;
  resources: { cpuRequest: string; cpuLimit: string; memoryRequest: string; memoryLimit: string };
  args: string[];
  env: Record<string, string>;
  contextLength: number | null;
  // what only clusters read
  imagePullPolicy?: 'IfNotPresent' | 'Always' | 'Never';
  probes?: { liveness?: Probe | undefined; readiness?: Probe | undefined; startup?: Probe | undefined } | null;
  /** of the endpoint as it is now */
  autoscale?: Autoscale | null;
  aibrix?: AibrixModel | null;
  /** it takes the traffic of its endpoint: what belongs to the endpoint as a whole follows it */
  live?: boolean;
}

/** Facts from safetensors, GGUF and config.json headers; what preflight reckons with. */
export interface ModelFacts {
  format: 'safetensors' | 'gguf' | 'pickle' | 'onnx' | 'unknown';
  architecture: string | null;
  parameters: number | null;
  dtype: string | null;
  contextLength: number | null;
  layers: number | null;
  hiddenSize: number | null;
  heads: number | null;
  kvHeads: number | null;
  headDim: number | null;
  vocabularySize: number | null;
  weightBytes: number;
  tokenizer: boolean;
  chatTemplate: boolean;
}

/** What will be run, readable and diffable; the output of a pure function. */
export interface RuntimePlan {
  kind: string;
  revisionId: string;
  /** shown by `GET …/manifests`; never holds a secret */
  manifests: Record<string, unknown>[];
  warnings: string[];
  /** fields of the specification, `args.2`, that would certainly make it fail, as far as can be known before it runs */
  refused?: { path: string; message: string }[];
}

/** By field: which sentence of the platform it is, and what was put into it. */
type Said = Record<string, { code: string; values?: Record<string, unknown> | undefined }>;

export interface Condition {
  type: string;
  reason: string;
  message: string;
  remedy: string;
  said?: Said | undefined;
  since: string;
}

export type RevisionPhase = 'absent' | 'starting' | 'ready' | 'degraded' | 'failed' | 'stopped';

export interface Observation {
  phase: RevisionPhase;
  replicas: { total: number; ready: number; available: number };
  conditions: Condition[];
}

/** A part of what was applied that somebody else has changed since. */
export interface Drifted {
  /** `Deployment serving-…-r1` */
  object: string;
  /** of the field; empty: the whole object is gone */
  path: string;
  /** null where it may be a secret */
  wanted: unknown;
  found: unknown;
  /** the field manager that wrote it, and when, where the cluster knows */
  by: string | null;
  at: string | null;
}

/** Where a revision answers. `headers` go upstream only to this origin. */
export interface Address {
  /** `http://127.0.0.1:43121/v1`; what is below it the provider's `path` tells */
  baseUrl: string;
  provider: 'llama.cpp' | 'openai' | 'ollama' | 'vllm' | 'tgi' | 'custom';
  headers: Record<string, string>;
  /** what the upstream calls the model */
  model: string;
}

export interface PreflightCheck {
  name: string;
  level: 'green' | 'amber' | 'red';
  message: string;
  remedy: string | null;
  said?: Said | undefined;
}

export interface Preflight {
  level: 'green' | 'amber' | 'red';
  checks: PreflightCheck[];
  memory: {
    weightsBytes: number;
    kvCacheBytes: number;
    overheadBytes: number;
    requiredBytes: number;
    freeBytes: number | null;
  } | null;
}

/** Runs revisions. Level-triggered: `apply` with the same plan twice does nothing the second time. */
export interface Runtime {
  readonly kind: string;
  /** something of it belongs to the endpoint as a whole and follows the traffic: what is live is applied again when that moves */
  readonly followsTraffic?: boolean;
  /** pods, events, live logs: of runtimes that have any */
  readonly insight?: Insight;
  /** Pure: no I/O, no clock. */
  plan(spec: RevisionSpec): RuntimePlan;
  /** Makes it so, or starts to; returns soon, progress is seen through `observe`. */
  apply(plan: RuntimePlan, spec: RevisionSpec): Promise<void>;
  observe(revisionId: string): Promise<Observation>;
  /** What others have changed of it; for runtimes where others can. From what is known already: costs no request. */
  drift?(spec: RevisionSpec): readonly Drifted[];
  /** Tells of endpoints of which something changed (null: of any), as a hint; for runtimes that are told so themselves, and need not be asked often. */
  onChange?(listener: (endpointId: string | null) => void): void;
  /** Tells at once what would else be seen only when it is asked; for runtimes that are still to be asked often. */
  onCrash?(listener: (endpointId: string | null) => void): void;
  /** Stops and forgets the revision after in-flight work is drained for up to `graceMs`. No error when absent. */
  remove(revisionId: string, graceMs: number): Promise<void>;
  /** Of one replica that answers; null until one does. */
  address(revisionId: string): Address | null;
  /** Of every replica that answers; the same object as long as it is the same replica under the same key. */
  addresses(revisionId: string): readonly Address[];
  logs(revisionId: string, lines: number): Promise<string[]>;
  preflight(spec: RevisionSpec): Promise<Preflight>;
  /** Revisions this runtime has something of, for collecting what no row wants any more. */
  list(): Promise<string[]>;
  close(): Promise<void>;
}
