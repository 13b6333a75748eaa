import { CompiledQuery, type Transaction } from 'kysely';
import type { Pool } from 'pg';
import { PgBoss, type SendOptions } from 'pg-boss';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';

export interface JobContext {
  /** fencing token: 1 on the first try */
  attempt: number;
  /** true when no further try follows */
  last: boolean;
  signal: AbortSignal;
}

export interface JobDefinition {
  /** tries after the first; default 5, with exponential back-off from 1 s to 60 s */
  retryLimit?: number;
  /** seconds one try may take; default 15 minutes */
  expireInSeconds?: number;
  /** jobs of this queue at a time in this process; default 1 */
  concurrency?: number;
}

export interface JobOptions {
  /** while a job of this key waits, a second is not added */
  singletonKey?: string;
  startAfter?: Date;
}

/** Durable work on PostgreSQL (pg-boss): survives any crash, retried with back-off, at least once. */
export interface Jobs {
  define<T extends object>(
    queue: string,
    definition: JobDefinition,
    handler: (data: T, context: JobContext) => Promise<void>,
  ): void;
  /** In the transaction of the change: the job exists exactly when the change does. */
  send(trx: Transaction<unknown>, queue: string, data: object, options?: JobOptions): Promise<void>;
  /** Runs `handler` every `seconds` in this process; overlapping runs are skipped. For collectors that are idempotent anyway. */
  every(name: string, seconds: number, handler: () => Promise<void>): void;
  /** Makes queues; with `work` also starts to take jobs. */
  start(options: { work: boolean }): Promise<void>;
  stop(): Promise<void>;
}

interface Defined {
  definition: JobDefinition;
  handler: (data: never, context: JobContext) => Promise<void>;
}

export function createJobs(deps: { pool: Pool; log: Logger }): Jobs {
  const { pool, log } = deps;
  const defined = new Map<string, Defined>();
  const timers: NodeJS.Timeout[] = [];
  const periodic: { name: string; seconds: number; handler: () => Promise<void> }[] = [];
  const boss = new PgBoss({
    db: { executeSql: async (text, values) => pool.query(text, values as unknown[]) },
    schema: 'pgboss',
    schedule: false,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    queueCacheIntervalSeconds: 60,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'job queue error'));

  return {
    define(queue, definition, handler) {
      if (defined.has(queue)) throw new Error(`Job queue ${queue} is defined twice.`);
      defined.set(queue, { definition, handler: handler as Defined['handler'] });
    },

    async send(trx, queue, data, options = {}) {
      if (!defined.has(queue)) throw new Error(`Job queue ${queue} is not defined.`);
      // A queue of policy `short` holds one waiting job a key; a key of its own makes a job independent of all others.
      const send: SendOptions = {
        db: { executeSql: (text, values) => executeOn(trx, text, values) },
        singletonKey: options.singletonKey ?? uuidv7(),
      };
      if (options.startAfter !== undefined) send.startAfter = options.startAfter;
      await boss.send(queue, data, send);
    },

    every(name, seconds, handler) {
      periodic.push({ name, seconds, handler });
    },

    async start({ work }) {
      await boss.start();
      for (const [queue, { definition, handler }] of defined) {
        const settings = {
          retryLimit: definition.retryLimit ?? 5,
          retryDelay: 1,
          retryBackoff: true,
          retryDelayMax: 60,
          expireInSeconds: definition.expireInSeconds ?? 900,
          heartbeatSeconds: 10,
          deleteAfterSeconds: 86_400,
        };
        await boss.createQueue(queue, { ...settings, policy: 'short' });
        if (!work) continue;
        await boss.work(
          queue,
          {
            batchSize: 1,
            localConcurrency: definition.concurrency ?? 1,
            pollingIntervalSeconds: 0.5,
            includeMetadata: true,
            heartbeatRefreshSeconds: 3,
          },
          async ([job]) => {
            if (job === undefined) return;
            const context = { attempt: job.retryCount + 1, last: job.retryCount >= job.retryLimit, signal: job.signal };
            try {
              await handler(job.data as never, context);
            } catch (error) {
              log.warn({ err: error, queue, attempt: context.attempt, jobId: job.id }, 'job failed');
              throw error;
            }
          },
        );
      }
      if (work) for (const task of periodic) timers.push(repeat(task, log));
    },

    async stop() {
      for (const timer of timers) clearInterval(timer);
      await boss.stop({ graceful: true, timeout: 10_000 });
    },
  };
}

function repeat(task: { name: string; seconds: number; handler: () => Promise<void> }, log: Logger): NodeJS.Timeout {
  let running = false;
  return setInterval(() => {
    if (running) return;
    running = true;
    task
      .handler()
      .catch((error: unknown) => log.warn({ err: error, task: task.name }, 'periodic task failed'))
      .finally(() => {
        running = false;
      });
  }, task.seconds * 1000).unref();
}

/** Lets pg-boss write on the connection of a kysely transaction. */
async function executeOn(
  trx: Transaction<unknown>,
  text: string,
  values: unknown[] = [],
): Promise<{ rows: unknown[] }> {
  const result = await trx.executeQuery(CompiledQuery.raw(text, values));
  return { rows: result.rows };
}
