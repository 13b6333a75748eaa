import { roles, TeamName } from '@llm-ops/contracts';
import { z } from 'zod';

/** How one option is described beside its zod type; `group` orders the pages generated from it. */
interface Option {
  schema: z.ZodType;
  group: string;
  description: string;
  secret?: boolean;
  /** an example for `env.example`, where the default is empty */
  example?: string;
}

const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'Write true or false in lower case.')
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true');
const optionalFlag = z
  .enum(['true', 'false'], 'Write true or false in lower case.')
  .transform((text) => text === 'true')
  .optional();
const text = z.string();
const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
const environmentList = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .pipe(z.array(z.enum(['dev', 'stg', 'prod'])));
/** `pods=10,requests.memory=1Ti` → one entry each. */
const quota = z
  .string()
  .regex(
    /^\s*([a-z][A-Za-z0-9./_-]*=[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?\s*(,\s*|$))*$/,
    'Write it as names and quantities: requests.memory=512Gi,pods=100.',
  )
  .transform((value): Record<string, string> =>
    Object.fromEntries(
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
        .map((item) => item.split('=') as [string, string]),
    ),
  )
  .optional();
const url = z.url({ protocol: /^https?$/, error: 'Write a full address such as https://host:port.' });
const integer = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, 'Write a whole number.')
    .default(String(fallback))
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `Must be from ${minimum} to ${maximum}.`);
const quantity = (fallback: string) =>
  z
    .string()
    .regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/, 'Write it as Kubernetes does: 500m, 2, 1Gi.')
    .default(fallback);

function option<T extends z.ZodType>(
  group: string,
  schema: T,
  description: string,
  extra: { secret?: boolean; example?: string } = {},
) {
  return { group, schema, description, ...extra };
}

/** Every option of the product: `env.example`, `ENV_SETUP.md` and the settings page come from this table. */
export const options = {
  HOST: option('Server', text.default('127.0.0.1'), 'Address to listen on.'),
  PORT: option('Server', integer(0, 65_535, 8000), 'Port to listen on; 0 takes a free one.'),
  PUBLIC_URL: option(
    'Server',
    url.optional(),
    'Address under which people reach the platform; used for sign-in redirects.',
    { example: 'https://llm-ops.example.com' },
  ),
  ROLES: option(
    'Server',
    z
      .string()
      .default('api,gateway,worker')
      .transform((value) => value.split(',').map((item) => item.trim()))
      .pipe(z.array(z.enum(['api', 'gateway', 'worker'], 'Roles are api, gateway and worker.')).min(1)),
    'What this process does: api, gateway, worker.',
  ),
  ALLOWED_HOSTS: option(
    'Server',
    list,
    'Host names accepted beside localhost and the host of PUBLIC_URL, comma-separated.',
    { example: 'llm-ops.example.com' },
  ),
  ALLOWED_ORIGINS: option(
    'Server',
    list,
    'Origins whose pages may send changing requests, beside our own, comma-separated.',
  ),
  LOG_LEVEL: option(
    'Server',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    'How much is logged.',
  ),
  SHUTDOWN_SECONDS: option('Server', integer(0, 600, 20), 'How long requests may drain at shutdown.'),
  DATA_DIR: option('Data', text.default('.data'), 'Folder of the embedded database, files, engines and journals.'),
  DATABASE_URL: option(
    'Data',
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'Write postgresql://user:password@host:port/database.')
      .optional(),
    'PostgreSQL 15 or later; without it an embedded PostgreSQL is started under DATA_DIR.',
    { secret: true, example: 'postgresql://llmops:password@localhost:5432/llmops' },
  ),
  DATABASE_POOL_SIZE: option('Data', integer(2, 200, 10), 'Connections of the pool.'),
  REDIS_URL: option(
    'Data',
    z
      .string()
      .regex(/^rediss?:\/\//, 'Write redis://host:port.')
      .optional(),
    'Redis for several gateways: rate limits and cached answers are then shared; in process without it.',
    { secret: true, example: 'redis://localhost:6379/0' },
  ),
  OBJECT_STORE_ENDPOINT: option(
    'Object store',
    text.optional(),
    'S3 endpoint (host:port or full address); without it files are kept under DATA_DIR.',
    { example: 'localhost:9000' },
  ),
  OBJECT_STORE_ACCESS_KEY: option('Object store', text.optional(), 'S3 access key.', { secret: true }),
  OBJECT_STORE_SECRET_KEY: option('Object store', text.optional(), 'S3 secret key.', { secret: true }),
  OBJECT_STORE_SECURE: option('Object store', flag(false), 'Use TLS when the endpoint is given without a scheme.'),
  OBJECT_STORE_BUCKET: option('Object store', text.optional(), 'Bucket; made when it is missing.', {
    example: 'llm-ops',
  }),
  OBJECT_STORE_REGION: option('Object store', text.default('us-east-1'), 'S3 region.'),
  MAX_FILE_BYTES: option(
    'Object store',
    integer(1, 1_099_511_627_776, 10_737_418_240),
    'Largest file that may be uploaded, in bytes.',
  ),
  DATASET_QUALITY_THRESHOLD: option(
    'Datasets',
    z.coerce.number().min(0).max(100).default(70),
    'A dataset whose quality score is below this cannot be approved.',
  ),
  DATASET_QUALITY_WEIGHTS: option(
    'Datasets',
    text.optional(),
    'Weights of the parts of the quality score, such as missing_values=20,duplicates=20,distribution=20,schema_compliance=20,format=20.',
  ),
  DATASET_MEMORY_MB: option('Datasets', integer(256, 1_048_576, 1_024), 'Memory that one validation may use, in MB.'),
  DATASET_TIMEOUT_SECONDS: option(
    'Datasets',
    integer(10, 86_400, 7_200),
    'How long one validation, conversion or redaction may take, in seconds; a day at most.',
  ),
  DATASET_CONCURRENCY: option('Datasets', integer(1, 64, 1), 'Validations and conversions at a time in this process.'),
  PRESIDIO_URL: option(
    'Datasets',
    url.optional(),
    'A Presidio analyzer server, asked for names and places in datasets besides the built-in detectors. In a private network its host has to be in EGRESS_ALLOW.',
  ),
  IDENTITY_MODE: option(
    'Identity',
    z.enum(['header', 'oidc', 'both']).default('header'),
    'Who is believed: X-User-* headers (loopback or a trusted proxy only), OIDC, or both. API keys always work.',
  ),
  TRUSTED_PROXIES: option(
    'Identity',
    list,
    'Addresses or networks whose X-User-* headers are believed, comma-separated.',
    { example: '10.0.0.0/8' },
  ),
  PROXY_SHARED_SECRET: option('Identity', text.optional(), 'Secret that the proxy sends in X-Proxy-Secret.', {
    secret: true,
  }),
  OIDC_ISSUER: option('Identity', url.optional(), 'Issuer of the identity provider.', {
    example: 'https://login.example.com',
  }),
  OIDC_CLIENT_ID: option('Identity', text.optional(), 'Our client id there.'),
  OIDC_CLIENT_SECRET: option('Identity', text.optional(), 'Our client secret there; empty for a public client.', {
    secret: true,
  }),
  OIDC_AUDIENCE: option(
    'Identity',
    text.optional(),
    'Audience that bearer tokens must carry; the client id when empty.',
  ),
  OIDC_ROLES_CLAIM: option('Identity', text.default('roles'), 'Claim that holds roles.'),
  OIDC_TEAMS_CLAIM: option('Identity', text.default('groups'), 'Claim that holds groups, read as teams.'),
  OIDC_GROUP_MAP: option(
    'Identity',
    z
      .string()
      .default('{}')
      .transform((value, context) => parseMap(value, context)),
    'JSON object from a group to {"team": "...", "roles": ["..."]}.',
    { example: '{"ml-admins":{"team":"platform","roles":["admin"]}}' },
  ),
  SESSION_HOURS: option('Identity', integer(1, 720, 12), 'How long a web session lasts.'),
  APPROVAL_FOUR_EYES: option(
    'Identity',
    optionalFlag,
    'Whoever submitted cannot approve. Default true; false in header mode on loopback (a team of one).',
  ),
  SECRETS_KEY: option(
    'Secrets',
    text.optional(),
    'Key of the secret store: 32 bytes in base64 or hex. Required with DATABASE_URL; else made under DATA_DIR.',
    { secret: true },
  ),
  SECRETS_PREVIOUS_KEY: option(
    'Secrets',
    text.optional(),
    'The key before a rotation, until `llmops secrets rotate` has run.',
    { secret: true },
  ),
  AUDIT_KEY: option(
    'Secrets',
    text.optional(),
    'Key that seals the audit chain; derived from the secrets key when empty.',
    { secret: true },
  ),
  EGRESS_ALLOW: option(
    'Egress',
    list,
    'Private hosts or networks that user-given addresses may reach, comma-separated.',
    { example: 'ollama.internal,10.1.0.0/16' },
  ),
  EGRESS_ALLOW_LOOPBACK: option(
    'Egress',
    optionalFlag,
    'May user-given addresses reach this machine? Default: only when listening on loopback.',
  ),
  HUGGINGFACE_ENDPOINT: option('Hugging Face', url.default('https://huggingface.co'), 'Hub to import from.'),
  HUGGINGFACE_TOKEN: option('Hugging Face', text.optional(), 'Token for gated models.', { secret: true }),
  USE_GPU: option('Serving', flag(true), 'Deployments ask for GPUs unless the request says otherwise.'),
  SERVING_RUNTIME: option(
    'Serving',
    z.enum(['auto', 'local', 'kubernetes']).default('auto'),
    'Where internal models run: on this machine or on a cluster; auto: on a cluster when KUBECONFIG_PATH is set or the server runs in one.',
  ),
  SERVING_STARTUP_SECONDS: option(
    'Serving',
    integer(30, 86_400, 1_800),
    'How long a container on a cluster may take to load its model.',
  ),
  SERVING_INGRESS_CLASS: option(
    'Serving',
    text.optional(),
    'Class of the Ingress objects; without one no controller takes them up, and public traffic goes through the gateway.',
  ),
  SERVING_GPU_LABEL: option(
    'Serving',
    text.default('accelerator'),
    'Label of nodes that names their accelerator (gpuType).',
  ),
  USE_KSERVE: option('Serving', flag(false), 'KServe InferenceService instead of plain Deployments (on a cluster).'),
  KSERVE_MODE: option(
    'Serving',
    z.enum(['RawDeployment', 'Serverless']).default('RawDeployment'),
    'How KServe runs an InferenceService: by Deployments, or by Knative with scale to 0.',
  ),
  KSERVE_NAMESPACE: option('Serving', text.default('kserve'), 'Namespace of KServe.'),
  KUBECONFIG_PATH: option(
    'Serving',
    text.optional(),
    'kubeconfig file; in-cluster credentials when empty (on a cluster).',
  ),
  KUBECONFIG_PATH_DEV: option(
    'Serving',
    text.optional(),
    'kubeconfig file of the cluster for dev, where it has one of its own; else KUBECONFIG_PATH.',
  ),
  KUBE_CONTEXT_DEV: option('Serving', text.optional(), 'Context of the kubeconfig for dev; else its current one.'),
  SERVING_QUOTA_DEV: option(
    'Serving',
    quota,
    'What the namespace llm-ops-dev may ask for, as a ResourceQuota: the platform makes it, with default limits for containers that name none.',
    { example: 'requests.nvidia.com/gpu=16,requests.memory=512Gi,pods=100' },
  ),
  KUBECONFIG_PATH_STG: option(
    'Serving',
    text.optional(),
    'kubeconfig file of the cluster for stg, where it has one of its own; else KUBECONFIG_PATH.',
  ),
  KUBE_CONTEXT_STG: option('Serving', text.optional(), 'Context of the kubeconfig for stg; else its current one.'),
  SERVING_QUOTA_STG: option(
    'Serving',
    quota,
    'What the namespace llm-ops-stg may ask for, as a ResourceQuota: the platform makes it, with default limits for containers that name none.',
    { example: 'requests.nvidia.com/gpu=16,requests.memory=512Gi,pods=100' },
  ),
  KUBECONFIG_PATH_PROD: option(
    'Serving',
    text.optional(),
    'kubeconfig file of the cluster for prod, where it has one of its own; else KUBECONFIG_PATH.',
  ),
  KUBE_CONTEXT_PROD: option('Serving', text.optional(), 'Context of the kubeconfig for prod; else its current one.'),
  SERVING_QUOTA_PROD: option(
    'Serving',
    quota,
    'What the namespace llm-ops-prod may ask for, as a ResourceQuota: the platform makes it, with default limits for containers that name none.',
    { example: 'requests.nvidia.com/gpu=16,requests.memory=512Gi,pods=100' },
  ),
  GATEWAY_ENVIRONMENTS: option(
    'Serving',
    environmentList('dev,stg,prod'),
    'Environments whose routes this gateway answers: one gateway for each where they are clusters of their own.',
  ),
  GATEWAY_SNAPSHOT_HOURS: option(
    'Serving',
    integer(0, 720, 24),
    'How old what a gateway knows may be while the database is away: it is kept beside its usage journal, so that the gateway starts from it (ROLES=gateway and DATABASE_URL). 0: nothing is kept, and it starts with the database alone.',
  ),
  IMAGE_PULL_SECRETS: option('Serving', list, 'Image pull secrets, comma-separated (on a cluster).'),
  SERVING_RUNTIME_IMAGE: option(
    'Serving',
    text.default('ghcr.io/huggingface/text-generation-inference:latest'),
    'Default runtime image on a cluster; the local engine needs none.',
  ),
  SERVING_LOCAL_BASE_URL: option(
    'Serving',
    url.optional(),
    'Sends every internal model to this address instead (a port-forward, for development).',
    { example: 'http://localhost:8001' },
  ),
  SERVING_CPU_REQUEST: option('Serving', quantity('1'), 'CPU request with GPU.'),
  SERVING_CPU_LIMIT: option('Serving', quantity('2'), 'CPU limit with GPU.'),
  SERVING_MEMORY_REQUEST: option('Serving', quantity('2Gi'), 'Memory request with GPU.'),
  SERVING_MEMORY_LIMIT: option('Serving', quantity('4Gi'), 'Memory limit with GPU.'),
  SERVING_CPU_ONLY_CPU_REQUEST: option('Serving', quantity('1'), 'CPU request without GPU.'),
  SERVING_CPU_ONLY_CPU_LIMIT: option('Serving', quantity('2'), 'CPU limit without GPU.'),
  SERVING_CPU_ONLY_MEMORY_REQUEST: option('Serving', quantity('1Gi'), 'Memory request without GPU.'),
  SERVING_CPU_ONLY_MEMORY_LIMIT: option(
    'Serving',
    quantity('2Gi'),
    'Memory limit without GPU; the local engine is ended above it.',
  ),
  SERVING_VERIFY: option(
    'Serving',
    environmentList('dev,stg,prod'),
    'Environments where a new revision must answer a test completion before it takes traffic.',
  ),
  SERVING_DRIFT_REPAIR: option(
    'Serving',
    environmentList('dev,stg,prod'),
    'Environments where what others change of applied objects is put back; elsewhere it is told and left (on a cluster).',
  ),
  SERVING_WATCH_SECONDS: option(
    'Serving',
    integer(0, 86_400, 60),
    'How long the revision before stays after a new one took the traffic, which goes back when the new one fails, errs more or is slower.',
  ),
  SERVING_ROLLOUT_SECONDS: option(
    'Serving',
    integer(5, 86_400, 900),
    'How long a new revision may take to become ready before its rollout is given up.',
  ),
  SERVING_DRAIN_SECONDS: option(
    'Serving',
    integer(0, 3600, 10),
    'How long an old revision finishes what it is answering.',
  ),
  MODELS_ENABLED: option('Organization models', flag(true), 'Models of organizations (on a cluster with AIBrix).'),
  MODELS_NAMESPACE: option('Organization models', text.default('jan-models'), 'Namespace of the models.'),
  MODELS_ENVIRONMENT: option(
    'Organization models',
    z.enum(['dev', 'stg', 'prod']).default('prod'),
    'Environment that the models belong to: who may deploy there may deploy them, in prod as a change.',
  ),
  MODELS_IMAGE: option(
    'Organization models',
    text.default('vllm/vllm-openai:v0.10.2'),
    'Image of models that name none.',
  ),
  MODELS_DEFAULT_STORAGE_CLASS: option(
    'Organization models',
    text.optional(),
    "Storage class of volumes that name none; the cluster's default when empty.",
  ),
  MODELS_STORAGE_SIZE: option('Organization models', quantity('100Gi'), 'Size of the volume of a model.'),
  MODELS_QUOTA_COUNT: option(
    'Organization models',
    integer(0, 100_000, 0),
    'How many models an organization may have; 0: any number.',
  ),
  MODELS_QUOTA_GPUS: option(
    'Organization models',
    integer(0, 1_000_000, 0),
    'To how many GPUs the models of an organization may grow together; 0: any number.',
  ),
  COST_CURRENCY: option(
    'Cost',
    z
      .string()
      .regex(/^[A-Z]{3}$/, 'Write three capital letters, such as USD.')
      .default('USD'),
    'Currency of prices and budgets, ISO 4217; one for the whole platform.',
  ),
  USAGE_KEEP_DAYS: option(
    'Cost',
    integer(8, 3650, 400),
    'How long single requests stay in the database; older days are archived to the object store, sums are kept.',
  ),
  OBJECTIVE_AVAILABILITY: option(
    'Observability',
    z.coerce.number().min(50).max(99.999).default(99.5),
    'Percent of requests that an endpoint is to answer without an error of its own (5xx).',
  ),
  OBJECTIVE_ANSWER_MS: option(
    'Observability',
    integer(1, 600_000, 1000),
    'Milliseconds within which half the answers of an endpoint are to come; of a stream, its first piece.',
  ),
  REQUEST_LOG_DAYS: option(
    'Observability',
    integer(1, 3650, 30),
    'How long captured requests and answers are kept in the request log.',
  ),
  REQUEST_LOG_CONTENT: option(
    'Observability',
    flag(false),
    'Capture what is asked and answered on every route; else only on routes with capture.content.',
  ),
  REQUEST_LOG_REDACT: option(
    'Observability',
    flag(true),
    'Make addresses, numbers of people and cards, and keys unreadable before captured content is stored.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: option(
    'Observability',
    url.optional(),
    'OpenTelemetry collector (OTLP over HTTP) for spans and metrics of inference; nothing is sent without it.',
    { example: 'http://localhost:4318' },
  ),
  OTEL_EXPORTER_OTLP_HEADERS: option(
    'Observability',
    text.optional(),
    'Headers for the collector: name=value, comma-separated.',
    { secret: true },
  ),
  OTEL_SERVICE_NAME: option('Observability', text.default('llm-ops'), 'Name of this service in spans and metrics.'),
  OTEL_TRACES_SAMPLER_ARG: option(
    'Observability',
    z
      .string()
      .regex(/^(?:0(?:\.\d+)?|1(?:\.0+)?)$/, 'Write a number from 0 to 1.')
      .default('1')
      .transform(Number),
    'Share of requests that get a span, where the caller did not decide (traceparent).',
  ),
  LLMOPS_PYTHON: option(
    'Local engine',
    text.optional(),
    'Python to convert safetensors with; otherwise an environment is made under DATA_DIR.',
  ),
  ENGINE_GRACE_MS: option(
    'Local engine',
    integer(0, 600_000, 0),
    'How long engines wait for a restarted platform before they end.',
  ),
  TRAINING_CPU_ONLY_CPU_REQUEST: option(
    'Training',
    quantity('2'),
    'CPU request of a job without GPU; checked, used when training comes.',
  ),
  TRAINING_CPU_ONLY_CPU_LIMIT: option(
    'Training',
    quantity('4'),
    'CPU limit of a job without GPU; checked, used when training comes.',
  ),
  TRAINING_CPU_ONLY_MEMORY_REQUEST: option(
    'Training',
    quantity('4Gi'),
    'Memory request of a job without GPU; checked, used when training comes.',
  ),
  TRAINING_CPU_ONLY_MEMORY_LIMIT: option(
    'Training',
    quantity('8Gi'),
    'Memory limit of a job without GPU; checked, used when training comes.',
  ),
  TRAINING_API_BASE_URL: option(
    'Training',
    url.optional(),
    'Address of this API as jobs see it; checked, used when training comes.',
  ),
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof options;
export type Settings = { [K in OptionName]: z.output<(typeof options)[K]['schema']> };

/** What being in a group of the identity provider means here. */
const GroupMap = z.record(
  z.string(),
  z.object({ team: TeamName.optional(), roles: z.array(z.enum(roles)).optional() }),
);

function parseMap(value: string, context: z.RefinementCtx): z.output<typeof GroupMap> {
  try {
    const parsed = GroupMap.safeParse(JSON.parse(value));
    if (parsed.success) return parsed.data;
  } catch {
    // reported below
  }
  context.addIssue({
    code: 'custom',
    message: 'Write a JSON object from a group to {"team": "...", "roles": ["..."]}.',
  });
  return z.NEVER;
}
