import type { DataOf, servingRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { Runtime } from '#ports/runtime';
import { sendDirect, testCompletion, type Providers, type Send } from '../rollout/completion.ts';
import { admitted } from '../guard.ts';
import { findEndpoint, findRevision, insertVerification, type RevisionRow } from '../store/endpoints.ts';
import type { ServingConfig } from '../types.ts';
import { refusalWords } from '../sentences.ts';

type Routes = typeof servingRoutes;

interface InspectDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  egress: Send;
  providers: Providers;
  config: ServingConfig;
}

const vllm = 'vllm/vllm-openai:latest';
const tgi = 'ghcr.io/huggingface/text-generation-inference:latest';

/** Trying what runs, and what could: test completions, images. */
export function createInspect(deps: InspectDeps) {
  const { db, runtimes, config } = deps;

  function runtimeOf(row: { runtime: string }): Runtime {
    const runtime = runtimes[row.runtime];
    if (!runtime) throw failure('runtime_unavailable', refusalWords.tell('no_runtime', { runtime: row.runtime }));
    return runtime;
  }

  return {
    /** A test completion through the revision that takes the traffic. */
    async verify(access: Access, id: string, prompt: string | undefined): Promise<DataOf<Routes['verifyEndpoint']>> {
      const row = admitted(access, await findEndpoint(db.kysely, id));
      const live: RevisionRow | null = await findRevision(db.kysely, id, row.live_revision);
      const address = live && runtimeOf(live).address(live.id);
      if (!live || !address) {
        const message = live ? 'Its engine has no address right now.' : 'No revision takes traffic.';
        const at = new Date().toISOString();
        return { ok: false, message, latencyMs: 0, completion: null, usage: null, revision: row.live_revision, at };
      }
      const send = live.spec.model.type === 'external' ? deps.egress : sendDirect;
      const result = await testCompletion(deps.providers, address, send, {
        prompt: prompt ?? config.verification.prompt,
        timeoutMs: config.verification.timeoutMs,
      });
      const about = { endpointId: id, revision: live.number, requestedBy: access.identity.userId };
      const at = await insertVerification(db.kysely, { id: uuidv7(), ...about, ...result });
      return { ...result, revision: live.number, at: at.toISOString() };
    },

    /** Images to choose from; `available` tells which of them this server can run. */
    images(): DataOf<Routes['listRuntimes']> {
      const local = config.internalRuntime === 'local';
      const images = [
        {
          image: 'llama.cpp',
          runtime: 'llama.cpp',
          name: 'llama.cpp (local engine)',
          description: 'A process on this machine; serves GGUF and Llama-family safetensors.',
          default: local,
          available: local,
        },
        {
          image: vllm,
          runtime: 'vllm',
          name: 'vLLM (recommended)',
          description: 'High throughput on GPUs, OpenAI-compatible, maintained.',
          default: !local && config.runtimeImage === vllm,
          available: !local,
        },
        {
          image: tgi,
          runtime: 'tgi',
          name: 'Text Generation Inference',
          description: 'The documented default; its project is archived, so choose vLLM for new endpoints.',
          default: !local && config.runtimeImage === tgi,
          available: !local,
        },
      ];
      if (images.some(({ image }) => image === config.runtimeImage)) return images;
      const runtime = /vllm/i.test(config.runtimeImage)
        ? 'vllm'
        : /text-generation-inference/i.test(config.runtimeImage)
          ? 'tgi'
          : 'custom';
      return [
        ...images,
        {
          image: config.runtimeImage,
          runtime,
          name: `Custom: ${config.runtimeImage}`,
          description: 'The image of SERVING_RUNTIME_IMAGE; a deployment may name any other.',
          default: !local,
          available: !local,
        },
      ];
    },
  };
}
