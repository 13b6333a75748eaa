import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Objects } from '#ports/objects';
import type { Runtime } from '#ports/runtime';
import { adoptEngine } from './engine-process.ts';
import { createLocalInsight } from './insight.ts';
import { readFreeMemory } from './memory.ts';
import { createModels } from './models.ts';
import { judge } from './preflight.ts';
import type { Python } from './python.ts';
import { createRecords, type EngineRecord } from './records.ts';
import { planEngine } from './rules.ts';
import { createSupervisor } from './supervisor.ts';

export { createPython, type Python } from './python.ts';

interface Deps {
  /** engines, their logs, models and the Python environment live below it */
  dataDir: string;
  objects: Objects;
  log: Logger;
  python: Python;
  now?: () => Date;
  /** bytes that can still be used; null when unknown */
  freeMemory?: () => Promise<number | null>;
  /** another program in place of the engine */
  engineCommand?: { command: string; args: string[] };
  /** delays of restarts: doubled from `firstMs` up to `maxMs`, forgotten after `resetAfterMs` of health */
  restartBackoff?: { firstMs: number; maxMs: number; resetAfterMs: number };
  /** how long engines outlive this process, to be entered by the next one; 0: they end with it */
  graceMs?: number;
  /** `close` lets go of engines instead of ending them */
  keepEngines?: boolean;
}

/**
 * Serves revisions on this machine, each replica a child process of llama.cpp. Engines that an earlier process left running are
 * entered, or ended when they do not answer, before this resolves.
 */
export async function createLocalRuntime({
  dataDir,
  objects,
  log,
  python,
  now = () => new Date(),
  freeMemory = readFreeMemory,
  engineCommand,
  restartBackoff = { firstMs: 1_000, maxMs: 60_000, resetAfterMs: 60_000 },
  graceMs = 0,
  keepEngines = false,
}: Deps): Promise<Runtime> {
  const records = createRecords(join(dataDir, 'engines'));
  const models = createModels({ folder: join(dataDir, 'models'), objects, python });
  const supervisors = new Map<string, ReturnType<typeof createSupervisor>>();
  const listeners: ((endpointId: string | null) => void)[] = [];

  const supervisorOf = (revisionId: string): ReturnType<typeof createSupervisor> => {
    const known = supervisors.get(revisionId);
    if (known !== undefined) return known;
    const command = engineCommand;
    const crashed = (endpointId: string | null): void => listeners.forEach((listener) => listener(endpointId));
    const given = { models, records, log, now, graceMs, backoff: restartBackoff, command };
    const made = createSupervisor({ ...given, revisionId, crashed });
    supervisors.set(revisionId, made);
    return made;
  };

  async function enter(instance: string, record: EngineRecord): Promise<void> {
    const { revisionId, pid } = record;
    const engine = await adoptEngine(instance, record);
    if (engine !== null) supervisorOf(revisionId).adopt(engine);
    else await records.remove(revisionId, instance);
    log.info({ revisionId, pid, adopted: engine !== null }, 'found an engine of an earlier run');
  }

  await models.collectTemporary();
  await Promise.all((await records.all()).map(({ instance, record }) => enter(instance, record)));

  return {
    kind: 'local',
    insight: createLocalInsight({
      engines: (revisionId) => supervisors.get(revisionId)?.engines() ?? [],
      logPath: (revisionId) => supervisors.get(revisionId)?.logPath ?? null,
    }),
    plan: planEngine,
    async apply(_plan, spec) {
      supervisorOf(spec.revisionId).apply(spec);
    },
    onCrash: (listener) => void listeners.push(listener),
    async observe(revisionId) {
      const absent = { phase: 'absent' as const, replicas: { total: 0, ready: 0, available: 0 }, conditions: [] };
      return supervisors.get(revisionId)?.observe() ?? absent;
    },
    async remove(revisionId, drainMs) {
      const supervisor = supervisors.get(revisionId);
      if (supervisor === undefined) return records.forget(revisionId);
      await supervisor.remove(drainMs);
      supervisors.delete(revisionId);
      await models.collectUnused(new Set([...supervisors.values()].flatMap((other) => other.digest() ?? [])), now());
    },
    address: (revisionId) => supervisors.get(revisionId)?.address() ?? null,
    addresses: (revisionId) => supervisors.get(revisionId)?.addresses() ?? [],
    logs: async (revisionId, lines) => (await supervisors.get(revisionId)?.logs(lines)) ?? [],
    async preflight(spec) {
      const [freeBytes, found] = await Promise.all([freeMemory(), python.check()]);
      return judge(spec, { freeBytes, python: found });
    },
    list: async () => [...new Set([...supervisors.keys(), ...(await records.revisions())])],
    async close() {
      await Promise.all([...supervisors.values()].map((supervisor) => supervisor.close(keepEngines)));
      supervisors.clear();
    },
  };
}
