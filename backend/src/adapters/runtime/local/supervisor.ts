import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Address, Observation, RevisionSpec } from '#ports/runtime';
import { uuidv7 } from '#platform/ids';
import { EngineStartError, startEngine, type EngineExit, type EngineProcess } from './engine-process.ts';
import type { EngineSeen } from './insight.ts';
import { rotate, tail } from './logs.ts';
import type { createModels } from './models.ts';
import { asProblem, Problem } from './problem.ts';
import type { createRecords, EngineRecord } from './records.ts';
import { desiredReplicas, engineShape, restartDelay } from './rules.ts';
import { observationOf, type SupervisorState } from './state.ts';
import { words } from './sentences.ts';

interface Deps {
  revisionId: string;
  models: ReturnType<typeof createModels>;
  records: ReturnType<typeof createRecords>;
  log: Logger;
  now(): Date;
  graceMs: number;
  backoff: { firstMs: number; maxMs: number; resetAfterMs: number };
  command?: { command: string; args: string[] };
  /** an engine ended by itself; null: of an endpoint that is not known yet */
  crashed(endpointId: string | null): void;
}

interface Slot {
  engine: EngineProcess;
  ready: boolean;
  readySince: Date | null;
  /** health checks without an answer, in a row */
  silent: number;
  /** since when it is taken out of the traffic for that */
  silentSince: Date | null;
  /** it is being ended on purpose */
  ending: boolean;
}

const HEALTH_TIMEOUT_MS = 5_000;
/** Unanswered checks after which an engine is taken for hung and ended. */
const MAX_SILENT = 6;
/** How long requests may go on when there are more engines than wanted. */
const SHED_DRAIN_MS = 30_000;
const POLL_STARTING_MS = 100;
const POLL_READY_MS = 1_000;

/** Keeps one revision's engines as they should be: a loop that looks, acts, and waits for the next reason to look. */
export function createSupervisor(deps: Deps) {
  const { revisionId, models, records, now, backoff } = deps;
  const log = deps.log.child({ revisionId });
  const logPath = join(records.folderOf(revisionId), 'engine.log');
  const slots: Slot[] = [];
  const stopping = new AbortController();
  let wake = new AbortController();
  let spec: RevisionSpec | null = null;
  let modelPath: string | null = null;
  let turn = 0;
  let loop: Promise<void> | undefined;
  const state: Omit<SupervisorState, 'engines'> = {
    desired: 0,
    doing: null,
    problem: null,
    attempts: 0,
    crash: null,
    crashes: 0,
    nextStartAt: null,
    everReady: false,
  };

  function add(engine: EngineProcess): void {
    const slot: Slot = { engine, ready: false, readySince: null, silent: 0, silentSince: null, ending: false };
    slots.push(slot);
    void engine.exited
      .then((exit) => ended(slot, exit))
      .catch((error: unknown) => log.error({ err: error }, 'engine end'));
  }

  async function ended(slot: Slot, exit: EngineExit): Promise<void> {
    slot.ready = false;
    const at = slots.indexOf(slot);
    if (at !== -1) slots.splice(at, 1);
    if (!slot.ending) {
      await crashed(exit, slot.readySince);
      deps.crashed(spec?.endpointId ?? null);
    }
    await records.remove(revisionId, slot.engine.instance);
    wake.abort();
  }

  async function crashed(exit: EngineExit, readySince: Date | null): Promise<void> {
    const since = now();
    const healthy = readySince !== null && since.getTime() - readySince.getTime() >= backoff.resetAfterMs;
    state.crashes = healthy ? 1 : state.crashes + 1;
    state.nextStartAt = new Date(since.getTime() + restartDelay(state.crashes, backoff));
    state.crash = { exit, lines: await tail(logPath, 10), since };
    log.warn({ exit, crashes: state.crashes }, 'an engine ended unexpectedly');
    const { failure } = exit;
    if (failure?.code === 'architecture_unsupported') {
      const known = { cause: failure.message, supported: failure.supported ?? [] };
      fail(new Problem('ArchitectureUnsupported', words.tell('architecture_unsupported', known), { retry: false }));
    } else if (failure?.code === 'model_invalid') {
      const told = { message: failure.message, ...words.tell('model_invalid') };
      fail(new Problem('ModelInvalid', told, { retry: false }));
    }
  }

  function fail(problem: Problem): void {
    state.doing = null;
    if (!problem.retry) state.crash = null;
    if (state.problem?.problem.message !== problem.message) log.warn({ reason: problem.reason }, problem.message);
    state.problem = { problem, since: state.problem?.problem.reason === problem.reason ? state.problem.since : now() };
  }

  /** Starts what is missing, unless it is too early or no use. */
  async function fill(): Promise<void> {
    if (spec === null || state.problem?.problem.retry === false) return;
    if (state.nextStartAt !== null && now() < state.nextStartAt) return;
    const shape = engineShape(spec);
    while (staying().length < state.desired && !stopping.signal.aborted) {
      try {
        modelPath = await models.ready(shape, spec.model.prefix, showProgress, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        state.attempts++;
        fail(asProblem(error));
        state.nextStartAt = new Date(now().getTime() + restartDelay(state.attempts, backoff));
        return;
      }
      state.attempts = 0;
      state.problem = null;
      state.nextStartAt = null;
      state.doing = { what: 'loading', doneBytes: 0, totalBytes: 0, since: now() };
      const instance = uuidv7();
      try {
        const engine = await startEngine({
          instance,
          revisionId,
          model: spec.model.name,
          modelPath,
          shape,
          gpu: spec.useGpu,
          graceMs: deps.graceMs,
          logFolder: records.folderOf(revisionId),
          command: deps.command,
        });
        await records.write(instance, engine.record);
        add(engine);
      } catch (error) {
        if (!(error instanceof EngineStartError)) throw error;
        await crashed(error.exit, null);
        return;
      }
    }
  }

  const showProgress = (what: 'copying' | 'verifying' | 'converting', doneBytes: number, totalBytes: number): void => {
    const since = state.doing?.what === what ? state.doing.since : now();
    state.doing = { what, doneBytes, totalBytes, since };
  };

  async function look(slot: Slot): Promise<void> {
    const health = await slot.engine.health(HEALTH_TIMEOUT_MS);
    if (slot.ending || !slots.includes(slot)) return;
    if (health === null) {
      slot.silent++;
      if (slot.silent >= 2) {
        slot.ready = false;
        slot.silentSince ??= now();
      }
      if (slot.silent >= MAX_SILENT) {
        const line = `an engine did not answer ${MAX_SILENT} times in a row and is ended`;
        log.warn(line);
        await appendFile(logPath, `${now().toISOString()} [${slot.engine.record.pid}] ${line}\n`);
        await slot.engine.end();
      }
      return;
    }
    slot.silent = 0;
    slot.silentSince = null;
    slot.ready = health.status === 'ready';
    if (!slot.ready) return;
    slot.readySince ??= now();
    state.everReady = true;
    if (staying().every((other) => other.ready) && staying().length >= state.desired) {
      state.doing = null;
      const steady = slots.every(
        (other) => other.readySince && now().getTime() - other.readySince.getTime() >= backoff.resetAfterMs,
      );
      if (steady) {
        state.crashes = 0;
        state.crash = null;
      }
    }
  }

  const staying = (): Slot[] => slots.filter((slot) => !slot.ending);

  /** Ends what is too much, the newest first, without waiting for it. */
  function shed(): void {
    if (spec !== null) for (const slot of staying().slice(state.desired)) retire(slot);
  }

  function retire(slot: Slot): void {
    slot.ending = true;
    drain(slot, SHED_DRAIN_MS).catch((error: unknown) => log.error({ err: error }, 'ending an engine'));
  }

  /** Takes an engine out of the traffic, waits for what it is answering, and ends it. */
  async function drain(slot: Slot, graceMs: number): Promise<void> {
    slot.ending = true;
    slot.ready = false;
    const deadline = performance.now() + graceMs;
    // idle twice, because a request may be on its way to an address that was given out before
    for (let idle = 0; idle < 2 && performance.now() < deadline; await delay(50)) {
      const health = await slot.engine.health(HEALTH_TIMEOUT_MS);
      if (health === null) break;
      idle = health.active + health.queued === 0 ? idle + 1 : 0;
    }
    await slot.engine.end();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        shed();
        await fill();
        await Promise.all(slots.map(look));
        await rotate(logPath);
      } catch (error) {
        log.error({ err: error }, 'supervising an engine');
      }
      const signal = AbortSignal.any([wake.signal, stopping.signal]);
      await delay(untilNextLook(), undefined, { signal }).catch(() => undefined);
    }
  }

  function untilNextLook(): number {
    const poll = slots.some((slot) => !slot.ready) ? POLL_STARTING_MS : POLL_READY_MS;
    if (state.nextStartAt === null) return poll;
    return Math.min(poll, Math.max(1, state.nextStartAt.getTime() - now().getTime()));
  }

  return {
    /** Enters an engine that was already running. */
    adopt(engine: EngineProcess): void {
      state.desired++;
      add(engine);
      loop ??= run();
    },

    /** Sets what should be. The same again changes nothing. */
    apply(next: RevisionSpec): void {
      const desired = desiredReplicas(next);
      if (spec !== null && state.desired === desired) return;
      const { digest } = engineShape(next);
      for (const slot of slots) if (slot.engine.record.digest !== digest) retire(slot);
      spec = next;
      state.desired = desired;
      loop ??= run();
      wake.abort();
    },

    /** Null when the engines that were entered are gone and nobody asked for the revision since: then there is nothing to keep. */
    observe: (): Observation | null =>
      spec === null && slots.length === 0 ? null : observationOf({ ...state, engines: slots }),

    /** Of the engines that answer, each in turn. */
    address(): Address | null {
      const ready = slots.filter((slot) => slot.ready);
      const slot = ready[turn++ % ready.length];
      return slot === undefined ? null : addressOf(slot.engine.record);
    },

    addresses: (): Address[] => slots.filter((slot) => slot.ready).map((slot) => addressOf(slot.engine.record)),

    /** Of the model files, for keeping those that are in use; null when nobody asked for the revision yet. */
    digest: (): string | null => (spec === null ? null : engineShape(spec).digest),

    logs: (lines: number): Promise<string[]> => tail(logPath, lines),
    logPath,

    engines: (): EngineSeen[] =>
      slots.map(({ engine, ready, ending, silentSince }) => ({
        instance: engine.instance,
        pid: engine.record.pid,
        node: engine.record.node,
        image: spec?.image ?? 'llama.cpp',
        ready,
        ending,
        silent: silentSince !== null,
        crashes: state.crashes,
      })),

    /** Waits up to `graceMs` for requests in progress, ends the engines and forgets them. */
    async remove(graceMs: number): Promise<void> {
      stopping.abort();
      await loop;
      await Promise.all([...slots].map((slot) => drain(slot, graceMs)));
      await records.forget(revisionId);
    },

    /** Ends the engines, or lets go of them so that the next platform may enter them. */
    async close(keepEngines: boolean): Promise<void> {
      stopping.abort();
      await loop;
      if (keepEngines) for (const slot of slots) slot.engine.release();
      else await Promise.all([...slots].map((slot) => drain(slot, 0)));
    },
  };
}

const addresses = new WeakMap<EngineRecord, Address>();

/** Where an engine answers; one object an engine. */
function addressOf(record: EngineRecord): Address {
  const known = addresses.get(record);
  if (known !== undefined) return known;
  const { port, key, model } = record;
  const made: Address = {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    provider: 'llama.cpp',
    headers: { authorization: `Bearer ${key}` },
    model,
  };
  addresses.set(record, made);
  return made;
}
