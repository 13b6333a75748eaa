import { servingPort, type EnvVar, type Profile, type ProfilePlan } from '../types.ts';
import { folder, hubId } from './source.ts';

/** Hugging Face's Text Generation Inference. It downloads from the hub by itself; without a hub id an init container fetches the files. */
export const tgi: Profile = {
  name: 'tgi',
  matches: (image) => /text-generation|\btgi\b|tgi[-_:/]/i.test(image),

  plan(spec) {
    const id = hubId(spec);
    const source = id === null ? folder() : { model: id, kind: 'hub' as const };
    const warnings =
      id === null
        ? [
            `${spec.model.name} has no huggingface_model_id: its files are downloaded by an init container before each start. Import it from Hugging Face to have the id in its metadata.`,
          ]
        : [];
    const ours = [
      '--model-id',
      source.model,
      '--hostname',
      '0.0.0.0',
      '--port',
      String(servingPort),
      ...(spec.useGpu && spec.gpuCount > 1 ? ['--num-shard', String(spec.gpuCount)] : []),
      ...(spec.contextLength === null ? [] : ['--max-total-tokens', String(spec.contextLength)]),
    ];
    return {
      command: null,
      args: [...ours, ...spec.args],
      env: environmentOf(spec.useGpu),
      probes: {
        liveness: { path: '/health', initialDelaySeconds: 300, periodSeconds: 10, failureThreshold: 5 },
        readiness: { path: '/health', initialDelaySeconds: 300, periodSeconds: 10, failureThreshold: 10 },
        startup: { path: '/health', initialDelaySeconds: 0, periodSeconds: 10, failureThreshold: 0 },
      },
      download: source.kind === 'folder',
      warnings,
      refused: repeatedOf(ours, spec.args),
    };
  },
};

/** Its launcher ends where a flag is given twice. */
function repeatedOf(ours: readonly string[], args: readonly string[]): ProfilePlan['refused'] {
  return args.flatMap((word, at) => {
    const flag = word.split('=', 1)[0]!;
    const twice = flag.startsWith('--') && ours.includes(flag);
    return twice
      ? [{ path: `args.${at}`, message: `${flag} is set by the platform, and must not be given twice.` }]
      : [];
  });
}

function environmentOf(useGpu: boolean): EnvVar[] {
  const always = {
    HF_HUB_DOWNLOAD_TIMEOUT: '1800',
    HF_HOME: '/tmp/hf_cache',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_ENABLE_HF_TRANSFER: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    PYTORCH_CUDA_ALLOC_CONF: 'max_split_size_mb:512',
  };
  const cpu = { DISABLE_TRITON: '1', MAMBA_DISABLE_TRITON: '1', TORCH_COMPILE_DISABLE: '1' };
  return Object.entries({ ...always, ...(useGpu ? {} : cpu) }).map(([name, value]) => ({ name, value }));
}
