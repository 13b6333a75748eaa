import { CompiledQuery, type Transaction } from 'kysely';
import { PgBoss, type QueueResult, type SendOptions } from 'pg-boss';
import type { Db } from '#platform/db';
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

/**
 * Durable work on PostgreSQL (pg-boss): survives any crash, retried with back-off, at least once. Whoever waits for work is told by NOTIFY
 * and looks for what falls due by itself every five seconds.
 */
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

export function createJobs(deps: { db: Pick<Db, 'pool' | 'listen'>; log: Logger }): Jobs {
  const { db, log } = deps;
  const defined = new Map<string, Defined>();
  const timers: NodeJS.Timeout[] = [];
  const periodic: { name: string; seconds: number; handler: () => Promise<void> }[] = [];
  const boss = new PgBoss({
    db: {
      executeSql: async (text, values) => db.pool.query(text, values as unknown[]),
      listen: (channel, onNotification, onReconnect) =>
        db.listen(channel, (queue) => (queue === null ? onReconnect() : onNotification(queue))),
    },
    useListenNotify: true,
    schema: 'pgboss',
    schedule: false,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    queueCacheIntervalSeconds: 60,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'job queue error'));
  boss.on('warning', ({ message, data }) => log.warn({ data }, message));

  async function make(queue: string, definition: JobDefinition, there: QueueResult | undefined): Promise<void> {
    const settings = settingsOf(definition);
    if (there === undefined) return await boss.createQueue(queue, { ...settings, policy: 'short' });
    const same = Object.entries(settings).every(([name, value]) => there[name as keyof QueueResult] === value);
    if (!same) await boss.updateQueue(queue, settings);
  }

  async function work(queue: string, { definition, handler }: Defined): Promise<void> {
    for (let worker = 0; worker < (definition.concurrency ?? 1); worker += 1) {
      const id = await boss.work(
        queue,
        {
          batchSize: 1,
          pollingIntervalSeconds: 0.5,
          notifyPollingIntervalSeconds: 5,
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
          } finally {
            // the next one may wait already
            boss.notifyWorker(id);
          }
        },
      );
    }
  }

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

    async start(options) {
      await boss.start();
      const queues = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]));
      for (const [queue, { definition }] of defined) await make(queue, definition, queues.get(queue));
      if (!options.work) return;
      for (const [queue, one] of defined) await work(queue, one);
      for (const task of periodic) timers.push(repeat(task, log));
    },

    async stop() {
      for (const timer of timers) clearInterval(timer);
      await boss.stop({ graceful: true, timeout: 10_000 });
    },
  };
}

const settingsOf = (definition: JobDefinition) => ({
  retryLimit: definition.retryLimit ?? 5,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  expireInSeconds: definition.expireInSeconds ?? 900,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 86_400,
  notify: true,
});

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
