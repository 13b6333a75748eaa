/**
 * One inference engine: llama.cpp behind the OpenAI API on a random loopback port. Started by the local runtime with `ENGINE_*`
 * variables (see settings.ts) and a control channel (IPC); ends with the platform, see lifeline.ts.
 */
import type { AddressInfo } from 'node:net';
import { createEmbedder } from './embed.ts';
import { ApiError } from './errors.ts';
import { createGenerator } from './generate.ts';
import { createEngineServer, sendJson, type Handler } from './http.ts';
import { createLifeline } from './lifeline.ts';
import { residentMemory, watchMemory } from './memory.ts';
import { LoadError, loadModel, type Loaded } from './model.ts';
import { exitCode, type EngineHealth, type EngineMessage } from './protocol.ts';
import { createInferenceRoutes } from './routes.ts';
import { readSettings } from './settings.ts';

const log = (line: string): void => void process.stdout.write(`${new Date().toISOString()} [${process.pid}] ${line}\n`);

function end(code: number, reason: string): void {
  log(`engine ends: ${reason}`);
  process.exit(code);
}

const settings = readSettings(process.env);
const startedAt = Math.floor(Date.now() / 1000);
let serving:
  | {
      loaded: Loaded;
      generator: ReturnType<typeof createGenerator>;
      embedder: ReturnType<typeof createEmbedder>;
      routes: ReturnType<typeof createInferenceRoutes>;
    }
  | undefined;

const tell = (message: EngineMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(message, undefined, {}, () => resolve());
  });

const lifeline = createLifeline({
  graceMs: settings.graceMs,
  connected: process.connected,
  onDisconnect: (listener) => process.once('disconnect', listener),
  end: (reason) => end(exitCode.ended, reason),
});
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => end(exitCode.ended, `asked to by ${signal}`));
process.once('uncaughtException', (error) => end(1, `uncaught error: ${error.stack ?? error.message}`));
watchMemory({
  limit: settings.memoryLimit,
  exceeded: (resident) =>
    end(
      exitCode.memory,
      `memory limit: ${mebibytes(resident)} MiB resident, over the limit of ${mebibytes(settings.memoryLimit ?? 0)} MiB`,
    ),
});

const whenReady =
  (handler: (routes: NonNullable<typeof serving>['routes']) => Handler): Handler =>
  (request, response) => {
    if (serving === undefined) throw new ApiError(503, 'model_loading', 'The model is still being loaded.');
    return handler(serving.routes)(request, response);
  };

const server = createEngineServer({
  key: settings.key,
  log,
  routes: {
    '/health': { GET: (_request, response) => sendJson(response, serving === undefined ? 503 : 200, health()) },
    '/control/lease': { GET: (_request, response) => lifeline.lease(response) },
    '/v1/models': {
      GET: (_request, response) =>
        sendJson(response, 200, {
          object: 'list',
          data: [{ id: settings.name, object: 'model', created: startedAt, owned_by: 'llm-ops' }],
        }),
    },
    '/v1/chat/completions': { POST: whenReady((routes) => routes.chat) },
    '/v1/completions': { POST: whenReady((routes) => routes.completions) },
    '/v1/embeddings': { POST: whenReady((routes) => routes.embeddings) },
  },
});
server.listen(0, '127.0.0.1', () => {
  void tell({ type: 'listening', port: (server.address() as AddressInfo).port });
  void load();
});

async function load(): Promise<void> {
  try {
    log(
      `loading ${settings.name} with ${settings.parallel} sequences of ${settings.contextLength} tokens on ${settings.threads} thread(s)`,
    );
    const loaded = await loadModel(settings, log);
    const { model, context } = loaded;
    const contextLength = context.contextSize;
    const generator = createGenerator(loaded);
    const embedder = createEmbedder({ model, contextLength, threads: settings.threads, log });
    const routes = createInferenceRoutes({ model, contextLength, name: settings.name, generator, embedder, log });
    serving = { loaded, generator, embedder, routes };
    log(`ready: ${model.typeDescription}, ${contextLength} tokens of context`);
  } catch (error) {
    const failure = error instanceof LoadError ? error : new LoadError('load_failed', String(error), { cause: error });
    await tell({ type: 'failed', code: failure.code, message: failure.message, supported: failure.supported });
    end(exitCode.failed, failure.message);
  }
}

function health(): EngineHealth {
  const { queued = 0, promptTokens = 0, completionTokens = 0 } = serving?.generator.status() ?? {};
  const embedded = serving?.embedder.status().promptTokens ?? 0;
  const active = (serving?.routes.inFlight() ?? 0) - queued;
  return {
    status: serving === undefined ? 'loading' : 'ready',
    pid: process.pid,
    model: settings.name,
    active,
    queued,
    promptTokens: promptTokens + embedded,
    completionTokens,
    residentMemory: residentMemory(),
    contextLength: serving?.loaded.context.contextSize ?? null,
    parallel: settings.parallel,
  };
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
