import { createHash } from 'node:crypto';
import type { Condition, RevisionSpec, RuntimePlan } from '#ports/runtime';
import { words } from './sentences.ts';

type ModelFile = RevisionSpec['model']['files'][number];

/** Tokens a sequence holds when neither the revision nor the model says less: more would cost memory that few use. */
const DEFAULT_CONTEXT = 4096;
const DEFAULT_PARALLEL = 4;
/** `architectures` of config.json that the converter writes as GGUF. */
export const convertible = ['LlamaForCausalLM', 'MistralForCausalLM', 'Qwen2ForCausalLM'];

export type ModelSource =
  | { kind: 'gguf'; entry: string }
  | { kind: 'safetensors' }
  | ({ kind: 'none' } & Pick<Condition, 'message' | 'remedy' | 'said'>);

/** How the engine of a revision is run, as far as the revision alone decides. */
export interface EngineShape {
  source: ModelSource;
  /** the files that are needed, no others */
  files: ModelFile[];
  /** hex SHA-256 over the paths and digests of these files */
  digest: string;
  contextLength: number;
  parallel: number;
  threads: number;
  /** bytes */
  memoryLimit: number;
  env: Record<string, string>;
  warnings: string[];
}

export function engineShape(spec: RevisionSpec): EngineShape {
  const { source, files } = chooseFiles(spec);
  const options = readArgs(spec.args);
  const env = readEnv(spec.env);
  const trained = spec.model.inspection?.contextLength ?? null;
  const wanted = options.values['--ctx-size'] ?? spec.contextLength ?? DEFAULT_CONTEXT;
  const warnings = [...options.warnings, ...env.warnings];
  if (
    trained !== null &&
    wanted > trained &&
    (spec.contextLength !== null || options.values['--ctx-size'] !== undefined)
  ) {
    warnings.push(
      `The model was trained for ${trained} tokens of context; ${wanted} were asked for, ${trained} are given.`,
    );
  }
  if (spec.useGpu)
    warnings.push(
      'A GPU is used only where a GPU build of llama.cpp is installed; otherwise the engine runs on the CPU.',
    );
  return {
    source,
    files,
    digest: digestOf(files),
    contextLength: trained === null ? wanted : Math.min(wanted, trained),
    parallel: options.values['--parallel'] ?? DEFAULT_PARALLEL,
    threads: options.values['--threads'] ?? Math.max(1, Math.floor(parseQuantity(spec.resources.cpuLimit) ?? 1)),
    memoryLimit: parseQuantity(spec.resources.memoryLimit) ?? 0,
    env: env.values,
    warnings,
  };
}

/** The plan shows digests, never places on this machine nor keys, so that two plans can be compared. */
export function planEngine(spec: RevisionSpec): RuntimePlan {
  const shape = engineShape(spec);
  return {
    kind: 'local',
    revisionId: spec.revisionId,
    warnings: shape.warnings,
    manifests: [
      {
        kind: 'LocalEngine',
        name: `serving-${spec.endpointId}`,
        revision: spec.number,
        environment: spec.environment,
        image: 'llama.cpp',
        command: 'node',
        args: ['engine/main.ts'],
        env: {
          ...shape.env,
          ENGINE_NAME: spec.model.name,
          ENGINE_CONTEXT: String(shape.contextLength),
          ENGINE_PARALLEL: String(shape.parallel),
          ENGINE_THREADS: String(shape.threads),
          ENGINE_MEMORY_LIMIT: String(shape.memoryLimit),
          ENGINE_GPU: spec.useGpu ? '1' : '0',
        },
        replicas: desiredReplicas(spec),
        model: {
          name: spec.model.name,
          version: spec.model.version,
          storageUri: spec.model.storageUri,
          format: shape.source.kind,
          conversion: shape.source.kind === 'safetensors' ? 'safetensors to GGUF, f16' : 'none',
          digest: shape.digest,
          files: shape.files,
        },
        resources: spec.resources,
      },
    ],
  };
}

export function desiredReplicas({ minReplicas, maxReplicas }: { minReplicas: number; maxReplicas: number }): number {
  return Math.max(0, Math.min(minReplicas, maxReplicas));
}

export function digestOf(files: ModelFile[]): string {
  const hash = createHash('sha256');
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
    hash.update(`${file.path}\0${file.sha256}\n`);
  return hash.digest('hex');
}

/** Milliseconds before the next start after `crashes` in a row: 1 s, 2 s, 4 s … 60 s. */
export function restartDelay(crashes: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number {
  return crashes === 0 ? 0 : Math.min(maxMs, firstMs * 2 ** (crashes - 1));
}

/** Kubernetes quantities: `500m`, `2`, `1Gi`, `512M`; bytes or cores. Null when it is none. */
export function parseQuantity(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text.trim());
  return match === null ? null : Number(match[1]) * (units[match[2] ?? ''] ?? 1);
}

const units: Record<string, number> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** GGUF as it is where there is one; else the safetensors folder with what the converter reads beside it. */
function chooseFiles({ model }: RevisionSpec): { source: ModelSource; files: ModelFile[] } {
  const gguf = model.files.filter((file) => file.path.endsWith('.gguf')).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const wanted = model.metadata['gguf_file'];
  const first = gguf.find((file) => file.path === wanted) ?? gguf[0];
  if (first !== undefined) {
    const series = first.path.replace(/-\d{5}-of-\d{5}\.gguf$/, '-');
    const files = series === first.path ? [first] : gguf.filter((file) => file.path.startsWith(series));
    return { source: { kind: 'gguf', entry: files[0]!.path }, files };
  }
  const none = (told: Pick<Condition, 'message' | 'remedy' | 'said'>) => ({
    source: { kind: 'none' as const, ...told },
    files: [],
  });
  if (!model.files.some((file) => file.path.endsWith('.safetensors'))) {
    return none(words.tell(model.files.length === 0 ? 'files_none' : 'weights_none'));
  }
  for (const needed of ['config.json', 'tokenizer.json']) {
    if (!model.files.some((file) => file.path === needed)) {
      return none(words.tell('file_needed', { file: needed }));
    }
  }
  const files = model.files.filter((file) => /\.(safetensors|json|jinja|txt)$|^tokenizer\.model$/.test(file.path));
  return { source: { kind: 'safetensors' }, files };
}

const numericArgs = ['--parallel', '--threads', '--ctx-size'];

function readArgs(args: string[]): { values: Record<string, number>; warnings: string[] } {
  const values: Record<string, number> = {};
  const warnings: string[] = [];
  const words = args.flatMap((arg) => arg.split('='));
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const value = Number(words[at + 1]);
    if (numericArgs.includes(word) && Number.isSafeInteger(value) && value > 0) {
      values[word] = value;
      at++;
    } else {
      warnings.push(
        `The local engine does not know the argument ${word}; it takes ${numericArgs.join(', ')} with a number.`,
      );
    }
  }
  return { values, warnings };
}

/** An engine runs as the platform's own user, so only llama.cpp's own variables reach it (not NODE_OPTIONS, LD_PRELOAD, PATH). */
function readEnv(env: Record<string, string>): { values: Record<string, string>; warnings: string[] } {
  const known = (name: string): boolean => /^(GGML|LLAMA|CUDA)_[A-Z0-9_]+$/.test(name);
  const values = Object.fromEntries(Object.entries(env).filter(([name]) => known(name)));
  const others = Object.keys(env).filter((name) => !known(name));
  return {
    values,
    warnings: others.map(
      (name) => `The local engine ignores the variable ${name}; it takes GGML_*, LLAMA_* and CUDA_*.`,
    ),
  };
}
