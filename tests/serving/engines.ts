import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../backend/src/platform/errors/index.ts';
import type { Address, Condition, Observation, RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';

/** How the engine of a revision behaves; by default it is ready at once and answers. */
export interface Behaviour {
  /** ms until it is ready */
  startMs?: number;
  /** never becomes ready: seen as failed with this reason */
  failsWith?: string;
  /** refused by `apply` for good */
  refuses?: string;
  /** status of its completions */
  status?: number;
  /** ms before each answer */
  answerMs?: number;
  /** so many removals fail */
  removeFails?: number;
}

interface Engine {
  server: Server | null;
  port: number;
  since: number;
  behaviour: Behaviour;
  spec: RevisionSpec;
  crashed: string | null;
  active: number;
}

const condition = (reason: string, message: string): Condition => ({
  type: 'Engine',
  reason,
  message,
  remedy: 'Read the log.',
  since: '2026-01-01T00:00:00.000Z',
});

/** A runtime in this process: each revision is a real HTTP server that speaks the OpenAI API. `behave` scripts it by its spec. */
export function createEngines(behave: (spec: RevisionSpec) => Behaviour, kind = 'local') {
  const engines = new Map<string, Engine>();
  const calls = { apply: 0, remove: 0, observe: 0, completions: 0 };
  let down = false;
  let flaky = { probability: 0, random: () => 1 };
  const stumble = () => {
    if (flaky.random() < flaky.probability) throw new Error('the connection broke');
  };
  const reach = () => {
    stumble();
    if (down) throw new Error('connect ECONNREFUSED runtime');
  };

  async function listen(engine: Engine): Promise<void> {
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        void (async () => {
          engine.active += 1;
          calls.completions += 1;
          await sleep(engine.behaviour.answerMs ?? 0);
          response.writeHead(engine.behaviour.status ?? 200, { 'content-type': 'application/json' });
          response.end(
            JSON.stringify({
              choices: [
                {
                  index: 0,
                  message: { role: 'assistant', content: `from ${engine.spec.number}` },
                  finish_reason: 'stop',
                },
              ],
              usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
            }),
          );
          engine.active -= 1;
        })();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    engine.server = server;
    engine.port = (server.address() as AddressInfo).port;
  }

  const ready = (engine: Engine) => Date.now() - engine.since >= (engine.behaviour.startMs ?? 0);

  const addresses = new WeakMap<object, Address>();
  function addressOf(revisionId: string): Address | null {
    const engine = engines.get(revisionId);
    if (!engine || engine.crashed !== null || engine.behaviour.failsWith || !ready(engine)) return null;
    const baseUrl = `http://127.0.0.1:${engine.port}/v1`;
    const known = addresses.get(engine);
    if (known?.baseUrl === baseUrl) return known;
    const made: Address = { baseUrl, provider: 'llama.cpp', headers: {}, model: engine.spec.model.name };
    addresses.set(engine, made);
    return made;
  }

  const runtime: Runtime = {
    kind,
    plan: (spec) => ({
      kind,
      revisionId: spec.revisionId,
      manifests: [{ revision: spec.number, image: spec.image, replicas: spec.minReplicas }],
      warnings: [],
    }),
    async apply(_plan, spec) {
      reach();
      calls.apply += 1;
      const behaviour = behave(spec);
      if (behaviour.refuses) throw failure('validation_failed', { message: behaviour.refuses });
      const known = engines.get(spec.revisionId);
      if (known && known.crashed === null) return void (known.spec = spec);
      const engine: Engine = { server: null, port: 0, since: Date.now(), behaviour, spec, crashed: null, active: 0 };
      engines.set(spec.revisionId, engine);
      await listen(engine);
      stumble();
    },
    async observe(revisionId): Promise<Observation> {
      reach();
      calls.observe += 1;
      const engine = engines.get(revisionId);
      const none = { total: 0, ready: 0, available: 0 };
      if (!engine) return { phase: 'absent', replicas: none, conditions: [] };
      const waiting = { total: 1, ready: 0, available: 0 };
      if (engine.crashed !== null) {
        return { phase: 'failed', replicas: waiting, conditions: [condition('EngineExited', engine.crashed)] };
      }
      if (engine.behaviour.failsWith) {
        return {
          phase: 'failed',
          replicas: waiting,
          conditions: [condition(engine.behaviour.failsWith, 'It does not start.')],
        };
      }
      return ready(engine)
        ? { phase: 'ready', replicas: { total: 1, ready: 1, available: 1 }, conditions: [] }
        : { phase: 'starting', replicas: waiting, conditions: [] };
    },
    async remove(revisionId, graceMs) {
      reach();
      calls.remove += 1;
      const engine = engines.get(revisionId);
      if (!engine) return;
      if ((engine.behaviour.removeFails ?? 0) > 0) {
        engine.behaviour.removeFails! -= 1;
        throw new Error('the object is held by a finalizer');
      }
      for (const until = Date.now() + graceMs; engine.active > 0 && Date.now() < until;) await sleep(5);
      engines.delete(revisionId);
      engine.server?.closeAllConnections();
      engine.server?.close();
      stumble();
    },
    address: (revisionId) => addressOf(revisionId),
    addresses(revisionId) {
      const address = addressOf(revisionId);
      return address === null ? [] : [address];
    },
    logs: async (revisionId, lines) =>
      engines.has(revisionId) ? [`started ${revisionId}`, 'error: out of luck'].slice(-lines) : [],
    preflight: async (spec) => {
      const red = spec.model.metadata.tooLarge === true;
      const level = red ? 'red' : 'green';
      return {
        level,
        checks: [
          {
            name: 'memory',
            level,
            message: red ? 'Needs 9 GiB, 2 GiB are free.' : 'It fits.',
            remedy: red ? 'Take a smaller model.' : null,
          },
        ],
        memory: null,
      };
    },
    list: async () => [...engines.keys()],
    close: async () => {
      for (const id of engines.keys()) await runtime.remove(id, 0).catch(() => {});
    },
  };

  return {
    runtime,
    calls,
    engines,
    /** The API of the runtime cannot be reached. */
    goDown: (is: boolean) => void (down = is),
    /** Each call fails before or after its effect with this probability: as seen by a server that dies in between. */
    beFlaky: (probability: number, random: () => number) => void (flaky = { probability, random }),
    crash(revisionId: string, message: string) {
      const engine = engines.get(revisionId)!;
      engine.crashed = message;
      engine.server?.closeAllConnections();
      engine.server?.close();
    },
  };
}
