import type { Condition, Observation } from '#ports/runtime';
import { together } from '#platform/words';
import { exitCode } from './engine/protocol.ts';
import type { EngineExit } from './engine-process.ts';
import { formatBytes } from './estimate.ts';
import type { Problem } from './problem.ts';
import { words } from './sentences.ts';

/** Everything a supervisor knows, from which `observe` answers. */
export interface SupervisorState {
  desired: number;
  engines: { ready: boolean; readySince: Date | null; silentSince: Date | null }[];
  doing: {
    what: 'copying' | 'verifying' | 'converting' | 'loading';
    doneBytes: number;
    totalBytes: number;
    since: Date;
  } | null;
  problem: { problem: Problem; since: Date } | null;
  /** preparations that failed, in a row */
  attempts: number;
  /** the last unexpected end, until its successor has been healthy for long enough */
  crash: { exit: EngineExit; lines: string[]; since: Date } | null;
  /** unexpected ends since the last one that was healthy for long enough */
  crashes: number;
  nextStartAt: Date | null;
  everReady: boolean;
}

/** Crashes or failed preparations in a row after which a revision that answers nothing counts as failed (it is still tried again). */
const FAILURES_TO_FAIL = 3;

export function observationOf(state: SupervisorState): Observation {
  const ready = state.engines.filter((engine) => engine.ready).length;
  return {
    phase: phaseOf(state, ready),
    replicas: { total: Math.max(state.desired, state.engines.length), ready, available: ready },
    conditions: conditionsOf(state),
  };
}

function phaseOf(state: SupervisorState, ready: number): Observation['phase'] {
  if (state.desired === 0 && state.engines.length === 0) return 'stopped';
  const broken = state.crash !== null || state.engines.some((engine) => engine.silentSince !== null);
  if (ready > 0) return ready >= state.desired ? 'ready' : state.everReady && broken ? 'degraded' : 'starting';
  if (state.problem !== null) {
    const passing = state.problem.problem.reason === 'PreparationFailed' && state.attempts < FAILURES_TO_FAIL;
    return passing ? 'starting' : 'failed';
  }
  if (state.crashes >= FAILURES_TO_FAIL) return 'failed';
  return broken && state.everReady ? 'degraded' : 'starting';
}

function conditionsOf({ engines, problem, crash, crashes, nextStartAt, doing }: SupervisorState): Condition[] {
  const conditions: Condition[] = [];
  if (problem !== null) {
    const { reason, message, remedy, said } = problem.problem;
    conditions.push({
      type: 'Failed',
      reason,
      message,
      remedy,
      ...(said && { said }),
      since: problem.since.toISOString(),
    });
  }
  if (crash !== null) conditions.push(crashCondition(crash, crashes, nextStartAt));
  const silent = engines.find((engine) => engine.silentSince !== null);
  if (silent) {
    conditions.push({
      type: 'EngineUnresponsive',
      reason: 'EngineUnresponsive',
      ...words.tell('silent'),
      since: silent.silentSince!.toISOString(),
    });
  }
  if (doing !== null && problem === null) {
    conditions.push({
      type: 'Progressing',
      reason: progress[doing.what],
      ...progressOf(doing),
      since: doing.since.toISOString(),
    });
  }
  return conditions;
}

const progress = {
  copying: 'CopyingModel',
  verifying: 'VerifyingModel',
  converting: 'ConvertingModel',
  loading: 'LoadingModel',
};

function progressOf({ what, doneBytes, totalBytes }: NonNullable<SupervisorState['doing']>) {
  if (what === 'loading' || what === 'converting') return words.tell(what);
  return words.tell(what, { done: formatBytes(doneBytes), total: formatBytes(totalBytes) });
}

function crashCondition(
  { exit, lines, since }: NonNullable<SupervisorState['crash']>,
  crashes: number,
  next: Date | null,
): Condition {
  const memory = exit.code === exitCode.memory;
  const unloadable = exit.failure?.code === 'load_failed';
  const lacksMemory = memory || exit.failure?.code === 'memory_insufficient';
  const last = exit.failure?.message ?? lines.join('\n');
  const known = {
    times: crashes,
    next: next === null ? '' : words.line('next_start', { time: next.toISOString() }),
    lines: last === '' ? '' : `\n${last}`,
  };
  const ended =
    exit.signal !== null
      ? words.tell('ended_signal', { ...known, signal: exit.signal })
      : exit.code === null
        ? words.tell('ended_alone', known)
        : words.tell('ended_code', { ...known, code: exit.code });
  const advice = lacksMemory
    ? 'less_memory'
    : unloadable
      ? 'unloadable'
      : exit.signal === 'SIGKILL'
        ? 'killed'
        : 'restarted';
  return {
    type: 'EngineCrashed',
    reason: memory
      ? 'MemoryLimitExceeded'
      : exit.failure?.code === 'memory_insufficient'
        ? 'MemoryInsufficient'
        : unloadable
          ? 'ModelLoadFailed'
          : 'EngineCrashed',
    ...together(ended, words.tell(advice)),
    since: since.toISOString(),
  };
}
