import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#platform/log';
import { ownConnection } from './connection.ts';

type OnNotify = (payload: string | null) => void;

export interface Listener {
  /** `wait` false: at once, and told when it listens. */
  listen(channel: string, onNotify: OnNotify, wait: boolean): Promise<{ close(): Promise<void> }>;
  close(): Promise<void>;
}

const pingEveryMs = 15_000;

/** One connection that listens on every channel asked for and comes back when it breaks. */
export function createListener(url: string, log: Logger): Listener {
  const channels = new Map<string, Set<OnNotify>>();
  let client: pg.Client | null = null;
  let connecting: Promise<void> | null = null;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const tell = (channel: string, payload: string | null) => {
    for (const onNotify of channels.get(channel) ?? []) {
      try {
        onNotify(payload);
      } catch (error) {
        log.error({ err: error, channel }, 'a listener failed');
      }
    }
  };

  async function connect(): Promise<void> {
    for (let delay = 100; !closed; delay = Math.min(delay * 2, 5_000)) {
      const fresh = ownConnection(url, 'llm-ops listen');
      try {
        fresh.on('error', () => {});
        fresh.on('notification', ({ channel, payload }) => tell(channel, payload ?? ''));
        await fresh.connect();
        for (const channel of channels.keys()) await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
        if (closed) return void (await fresh.end());
        client = fresh;
        fresh.once('end', () => lost(fresh));
        for (const channel of channels.keys()) tell(channel, null);
        return;
      } catch (error) {
        fresh.end().catch(() => {});
        log.warn({ reason: (error as Error).message, delay }, 'cannot listen to the database, trying again');
        await sleep(delay, undefined, { ref: false });
      }
    }
  }

  function lost(which: pg.Client): void {
    if (client !== which || closed) return;
    client = null;
    void ready();
  }

  function ready(): Promise<void> {
    if (client) return Promise.resolve();
    connecting ??= connect().finally(() => (connecting = null));
    return connecting;
  }

  /** A connection whose other end vanished without a word is only noticed by speaking. */
  async function ping(): Promise<void> {
    const current = client;
    if (!current) return;
    try {
      await current.query({ text: 'select 1', query_timeout: 5_000 } as pg.QueryConfig);
    } catch {
      lost(current);
      (current as pg.Client & { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
  }

  return {
    async listen(channel, onNotify, wait) {
      timer ??= setInterval(() => void ping(), pingEveryMs).unref();
      const known = channels.get(channel);
      if (known) known.add(onNotify);
      else channels.set(channel, new Set([onNotify]));
      const before = client;
      const listening = ready();
      if (wait) await listening;
      // a connection made just now listens already, and has told so
      if (before && before === client) {
        if (!known) await before.query(`listen ${pg.escapeIdentifier(channel)}`).catch(() => lost(before));
        onNotify(null);
      }
      return {
        async close() {
          const set = channels.get(channel);
          set?.delete(onNotify);
          if (set?.size !== 0) return;
          channels.delete(channel);
          await client?.query(`unlisten ${pg.escapeIdentifier(channel)}`).catch(() => {});
        },
      };
    },
    async close() {
      closed = true;
      clearInterval(timer);
      const last = client;
      client = null;
      await last?.end().catch(() => {});
    },
  };
}
