import type { RevisionSpec } from '#ports/runtime';
import { servingPort, type EnvVar, type Profile } from '../../types.ts';
import { folder, hubId, isStreamable, type ModelSource } from '../source.ts';
import { isBelow, versionOf } from '../version.ts';
import { checkArguments } from './check.ts';

/** vLLM's OpenAI server: https://docs.vllm.ai/en/latest/cli/serve.html. Its command lines are held against those of real releases, releases/README.md. */
export const vllm: Profile = {
  name: 'vllm',
  matches: (image) => /vllm/i.test(image),

  plan(spec, { route }) {
    const { image, useGpu } = spec;
    // `*cpu*` images are builds of their own and count as new
    const old = !/cpu/i.test(image) && isBelow(versionOf(image), 0, 10);
    const source = sourceOf(spec);
    const { refused, doubted } = checkArguments(spec.args, image);
    const warnings = [...doubted];
    if (!useGpu && !/cpu/i.test(image))
      warnings.push(
        `${image} is built for GPUs and useGpu is false: it will hardly start; choose a CPU image of vLLM.`,
      );
    const served = ['--served-model-name', ...new Set([route, spec.model.name])];
    const common = [
      '--host',
      '0.0.0.0',
      '--port',
      String(servingPort),
      ...served,
      ...(useGpu ? ['--tensor-parallel-size', String(Math.max(spec.gpuCount, 1))] : []),
      ...(spec.contextLength === null ? [] : ['--max-model-len', String(spec.contextLength)]),
      ...(source.kind === 'storage' ? ['--load-format', 'runai_streamer'] : []),
      ...spec.args,
    ];
    return {
      // before 0.10 the model is named by `--model`, and the device must stand before it; now it stands first
      command: old ? ['python3', '-m', 'vllm.entrypoints.openai.api_server'] : ['vllm', 'serve'],
      args: old
        ? [...(useGpu ? [] : ['--device', 'cpu']), '--model', source.model, ...common]
        : [source.model, ...common],
      env: environmentOf(spec, source),
      probes: {
        liveness: { path: '/health', initialDelaySeconds: 120, periodSeconds: 10, failureThreshold: 3 },
        readiness: { path: '/health', initialDelaySeconds: 60, periodSeconds: 5, failureThreshold: 3 },
        startup: { path: '/health', initialDelaySeconds: 0, periodSeconds: 10, failureThreshold: 0 },
      },
      download: source.kind === 'folder',
      warnings,
      refused,
    };
  },
};

function sourceOf(spec: RevisionSpec): ModelSource {
  const id = hubId(spec);
  if (id !== null) return { model: id, kind: 'hub' };
  if (spec.model.storageUri !== null && isStreamable(spec)) return { model: spec.model.storageUri, kind: 'storage' };
  return folder();
}

function environmentOf({ useGpu }: RevisionSpec, source: ModelSource): EnvVar[] {
  return [
    { name: 'VLLM_LOGGING_LEVEL', value: 'DEBUG' },
    // its streamer looks for a bucket as a subdomain of the store's host, which of all stores AWS alone always answers to
    ...(source.kind === 'storage' ? [{ name: 'RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING', value: '0' }] : []),
    ...(useGpu
      ? []
      : [
          { name: 'VLLM_USE_CPU', value: '1' },
          { name: 'CUDA_VISIBLE_DEVICES', value: '' },
          { name: 'NVIDIA_VISIBLE_DEVICES', value: '' },
          { name: 'VLLM_CPU_KVCACHE_SPACE', value: '4' },
        ]),
  ];
}
