import { open, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { failure } from '#platform/errors';
import type { Insight, LogQuery, Pod } from '#ports/insight';
import { manifestDifferences } from '../kubernetes/diff.ts';
import { tail } from './logs.ts';

/** One engine as its supervisor knows it. */
export interface EngineSeen {
  /** UUIDv7: it tells when it was started */
  instance: string;
  pid: number;
  node: string;
  image: string;
  ready: boolean;
  ending: boolean;
  silent: boolean;
  /** unexpected ends of its revision, in a row */
  crashes: number;
}

const pollMs = 500;

/**
 * Engines as pods of one container each. The engines of a revision write one log, so that it is the same whichever is asked for, and it
 * holds what those before them wrote. Nothing happens to objects here: what the platform did is all there is to tell.
 */
export function createLocalInsight(deps: {
  engines(revisionId: string): EngineSeen[];
  /** of a revision; null: nothing runs of it */
  logPath(revisionId: string): string | null;
}): Insight {
  function pathFor(revisionId: string, { pod, container, previous }: LogQuery): string {
    const path = deps.logPath(revisionId);
    const engines = deps.engines(revisionId);
    if (path === null || (pod !== null && !engines.some(({ instance }) => instance === pod)))
      throw failure('pod_not_found', pod === null ? { message: 'Nothing runs for this revision.' } : {});
    if (container !== null && container !== containerName) throw failure('pod_not_found');
    if (previous)
      throw failure('pod_log_unavailable', {
        message: 'Engines of this machine keep one log over their restarts.',
        remedy: 'Read the log without previous: earlier instances stand further up.',
      });
    return path;
  }

  return {
    pods: async (revisionId) => deps.engines(revisionId).map(podOf),
    events: async () => [],
    read: async (revisionId, query) => tail(pathFor(revisionId, query), query.lines),
    async *follow(revisionId, query, signal) {
      const path = pathFor(revisionId, query);
      let at = await size(path);
      yield* await tail(path, query.lines);
      let rest = '';
      while (!signal.aborted && deps.logPath(revisionId) !== null) {
        await wait(pollMs, undefined, { signal }).catch(() => undefined);
        const end = await size(path);
        // it was cut
        if (end < at) at = 0;
        if (end === at) continue;
        const lines = (rest + (await piece(path, at, end))).split('\n');
        rest = lines.pop() ?? '';
        at = end;
        yield* lines.filter((line) => line !== '');
      }
    },
    differences: manifestDifferences,
  };
}

const containerName = 'engine';

function podOf({ instance, pid, node, image, ready, ending, silent, crashes }: EngineSeen): Pod {
  const startedAt = new Date(Number.parseInt(instance.replaceAll('-', '').slice(0, 12), 16)).toISOString();
  const reason = ready ? null : silent ? 'EngineUnresponsive' : 'Loading';
  return {
    name: instance,
    phase: ending ? 'Terminating' : 'Running',
    ready,
    restarts: crashes,
    node,
    reason,
    message: ready ? null : silent ? 'It does not answer its health checks.' : 'It loads its model.',
    createdAt: startedAt,
    containers: [
      {
        name: containerName,
        image: `${image} (pid ${pid})`,
        init: false,
        ready,
        restarts: crashes,
        state: 'running',
        reason,
        message: null,
        exitCode: null,
        startedAt,
        previous: false,
      },
    ],
  };
}

const size = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );

async function piece(path: string, from: number, to: number): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(to - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
