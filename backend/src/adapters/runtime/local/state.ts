import type { Condition, Observation } from '#ports/runtime';
import { exitCode } from './engine/protocol.ts';
import type { EngineExit } from './engine-process.ts';
import { formatBytes } from './estimate.ts';
import type { Problem } from './problem.ts';

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
    const { reason, message, remedy } = problem.problem;
    conditions.push({ type: 'Failed', reason, message, remedy, since: problem.since.toISOString() });
  }
  if (crash !== null) conditions.push(crashCondition(crash, crashes, nextStartAt));
  const silent = engines.find((engine) => engine.silentSince !== null);
  if (silent) {
    conditions.push({
      type: 'EngineUnresponsive',
      reason: 'EngineUnresponsive',
      message: 'The engine runs but does not answer its health checks; it gets no requests meanwhile.',
      remedy: 'Wait: it is ended and restarted when it stays silent.',
      since: silent.silentSince!.toISOString(),
    });
  }
  if (doing !== null && problem === null) {
    conditions.push({
      type: 'Progressing',
      ...progress[doing.what],
      message: progressMessage(doing),
      since: doing.since.toISOString(),
    });
  }
  return conditions;
}

const progress = {
  copying: { reason: 'CopyingModel', remedy: 'Wait until the files are here; large models take minutes.' },
  verifying: { reason: 'VerifyingModel', remedy: 'Wait until the digests are checked.' },
  converting: { reason: 'ConvertingModel', remedy: 'Wait; a model is converted once, later starts use the result.' },
  loading: { reason: 'LoadingModel', remedy: 'Wait until the engine answers.' },
};

function progressMessage({ what, doneBytes, totalBytes }: NonNullable<SupervisorState['doing']>): string {
  if (what === 'loading') return 'The engine loads the model.';
  if (what === 'converting') return 'The weights are converted to GGUF.';
  const verb = what === 'copying' ? 'copied' : 'checked';
  return `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} ${verb}.`;
}

function crashCondition(
  { exit, lines, since }: NonNullable<SupervisorState['crash']>,
  crashes: number,
  next: Date | null,
): Condition {
  const memory = exit.code === exitCode.memory;
  const unloadable = exit.failure?.code === 'load_failed';
  const how =
    exit.signal !== null
      ? `by ${exit.signal}`
      : exit.code === null
        ? 'while nobody was watching it'
        : `with exit code ${exit.code}`;
  const again = next === null ? '' : ` Next start at ${next.toISOString()}.`;
  const said = exit.failure?.message ?? lines.join('\n');
  return {
    type: 'EngineCrashed',
    reason: memory
      ? 'MemoryLimitExceeded'
      : exit.failure?.code === 'memory_insufficient'
        ? 'MemoryInsufficient'
        : unloadable
          ? 'ModelLoadFailed'
          : 'EngineCrashed',
    message: `The engine ended ${how} (${crashes} in a row).${again}${said === '' ? '' : `\n${said}`}`,
    remedy:
      memory || exit.failure?.code === 'memory_insufficient'
        ? 'Raise memoryLimit, or ask for less context or fewer parallel sequences.'
        : unloadable
          ? 'The files may be incomplete, or of a kind that this llama.cpp cannot load: see the log lines, and deploy a version whose files are whole. It is tried again by itself.'
          : `It is restarted by itself; when it keeps ending, see the log lines above and roll back.${exit.signal === 'SIGKILL' ? ' SIGKILL is also what the kernel sends when memory runs out.' : ''}`,
    since: since.toISOString(),
  };
}
