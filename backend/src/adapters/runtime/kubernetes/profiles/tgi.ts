import { servingPort, type EnvVar, type Profile } from '../types.ts';
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
    return {
      command: null,
      args: [
        '--model-id',
        source.model,
        '--hostname',
        '0.0.0.0',
        '--port',
        String(servingPort),
        ...(spec.useGpu && spec.gpuCount > 1 ? ['--num-shard', String(spec.gpuCount)] : []),
        ...(spec.contextLength === null ? [] : ['--max-total-tokens', String(spec.contextLength)]),
        ...spec.args,
      ],
      env: environmentOf(spec.useGpu),
      probes: {
        liveness: { path: '/health', initialDelaySeconds: 300, periodSeconds: 10, failureThreshold: 5 },
        readiness: { path: '/health', initialDelaySeconds: 300, periodSeconds: 10, failureThreshold: 10 },
        startup: { path: '/health', initialDelaySeconds: 0, periodSeconds: 10, failureThreshold: 0 },
      },
      download: source.kind === 'folder',
      warnings,
    };
  },
};

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
