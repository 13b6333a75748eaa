import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelObjects } from '../../backend/src/adapters/runtime/kubernetes/aibrix/plan.ts';
import { inferenceServiceOf } from '../../backend/src/adapters/runtime/kubernetes/kserve/plan.ts';
import { revisionObjects } from '../../backend/src/adapters/runtime/kubernetes/plan.ts';
import type { RevisionSpec } from '../../backend/src/ports/runtime.ts';
import { config, specOf } from '../cluster/specs.ts';

/** A command line as the planner makes it, and for what. */
export interface Line {
  image: string;
  words: string[];
  told: string;
}

const hub = { metadata: { huggingface_model_id: 'meta-llama/Llama-3.1-8B' }, storageUri: null, files: [] };
const folder = { files: [{ path: 'model.gguf', size: 1, sha256: '0' }] };

/** What people give beside what the platform decides, in forms that every release takes. */
export const askedArguments: readonly string[][] = [
  [],
  ['--quantization', 'awq', '--dtype', 'half', '--kv-cache-dtype', 'fp8'],
  ['--max_num_seqs=64', '--max-num-batched-tokens', '8192', '--gpu-memory-utilization', '0.92'],
  ['--enable-lora', '--max-lora-rank', '16', '--lora-modules', 'legal=/adapters/legal', '{"name":"b","path":"/b"}'],
  [
    '--enable-auto-tool-choice',
    '--tool-call-parser',
    'hermes',
    '--chat-template',
    '{% for m in messages %}{{ m.content }}{% endfor %}',
  ],
  ['--trust-remote-code', '--enforce-eager', '--seed', '7', '--no-enable-prefix-caching', '-q', 'fp8', '-pp', '2'],
  ['--override-generation-config', '{"temperature": 0.2}', '--limit-mm-per-prompt', '{"image": 2}'],
  ['--speculative-config', '{"method": "ngram", "num_speculative_tokens": 3}', '--disable-log-stats', '-O3'],
];

const images = [
  'vllm/vllm-openai:v0.9.1',
  'vllm/vllm-openai:v0.9.2',
  'vllm/vllm-openai:v0.10.2',
  'registry.corp.example/dockerhub/vllm/vllm-openai:v0.15.1',
  'vllm/vllm-openai:v0.32.0',
  'vllm/vllm-openai:latest',
  'vllm/vllm-openai@sha256:0f',
  'public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.9.2',
  'public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.32.0',
];

/** Every form that the planner has for vLLM: images, machines, places of the model, arguments, and the three systems. */
export function* plannedLines(asked: readonly string[][] = askedArguments): Iterable<Line> {
  for (const image of images)
    for (const [gpuCount, contextLength] of [
      [0, null],
      [0, 512],
      [1, null],
      [1, 131_072],
      [8, 8_192],
    ] as const)
      for (const [kind, model] of Object.entries({ hub, storage: {}, folder }))
        for (const args of asked) {
          const plain = specOf();
          const spec = specOf({
            image,
            useGpu: gpuCount > 0,
            gpuCount,
            contextLength,
            args,
            model: { ...plain.model, ...model },
            aibrix: { name: 'support', storage: null, minVramBytes: null, token: null },
          });
          for (const [system, words] of Object.entries(commandsOf(spec)))
            yield { image, words, told: `${system}, ${image}, ${gpuCount} GPUs, ${kind}, ${words.join(' ')}` };
        }
}

export function commandsOf(spec: RevisionSpec): Record<string, string[]> {
  const models = { namespace: 'models', environment: spec.environment };
  const of = (manifests: unknown) => [...containersIn(manifests)].map(wordsOf)[0]!;
  return {
    kubernetes: of(revisionObjects(spec, config).manifests),
    kserve: of(inferenceServiceOf(spec, 'RawDeployment', config).manifests),
    knative: of(inferenceServiceOf(spec, 'Serverless', config).manifests),
    aibrix: of(modelObjects(spec, { config, models }).manifests),
  };
}

/** Those of the plans that are kept as files. */
export function* goldenLines(): Iterable<Line> {
  const place = join(import.meta.dirname, '../../backend/src/adapters/runtime/kubernetes/golden');
  for (const file of globSync('*.json', { cwd: place }).toSorted())
    for (const container of containersIn(JSON.parse(readFileSync(join(place, file), 'utf8'))))
      if (container.image.includes('vllm'))
        yield { image: container.image, words: wordsOf(container), told: `golden ${file}` };
}

interface Container {
  image: string;
  command: string[];
  args: string[];
}

const wordsOf = ({ command, args }: Container): string[] => [...command, ...args];

/** Serving containers, wherever they are in a manifest. */
function* containersIn(value: unknown): Iterable<Container> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    if (name === 'containers') yield* part as Container[];
    else yield* containersIn(part);
  }
}
