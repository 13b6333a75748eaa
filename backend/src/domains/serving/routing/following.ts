import { unavailable, type Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import { reasonOf } from '../rollout/completion.ts';
import type { RoutedRevision } from '../store/routes.ts';
import type { createRouting, Routing } from './rows.ts';

interface Deps {
  db: Db;
  log: Logger;
  routing: ReturnType<typeof createRouting>;
  /** what takes the place of the first load while the database is away */
  kept: Kept<Routing> | undefined;
  pollMs: number;
  /** before what was read counts; `again`: what was attached to may have another key */
  attach(revisions: readonly RoutedRevision[], again: boolean): Promise<void>;
  /** what `routing` holds is newer */
  onRead(): void;
}

/** More than so many that changed are read with all others. */
const someAtOnce = 200;

/** Keeps `routing` up with the database: by its notifications, which are only hints, and by asking every `pollMs`. */
export function createFollowing({ db, log, routing, kept, pollMs, attach, onRead }: Deps) {
  let loading: Promise<void> | null = null;
  /** endpoints that changed since, or all of them */
  let wanted: Set<string> | 'all' = 'all';
  /** more may have changed than what is read tells */
  let missed = false;
  let timer: NodeJS.Timeout | null = null;
  let listening: { close(): Promise<void> } | null = null;
  let warned = false;

  async function load(): Promise<void> {
    const what = wanted;
    const again = what !== 'all' || missed;
    wanted = new Set();
    missed = false;
    try {
      await attach(what === 'all' ? await routing.readAll() : await routing.read([...what]), again);
    } catch (error) {
      wanted = 'all';
      missed = again;
      throw error;
    }
    onRead();
    kept?.learnt(routing.now);
  }

  /** One load at a time; a wish that comes during one is served by the next, which starts after it. */
  function follow(): Promise<void> {
    loading ??= (async () => {
      do await load();
      while (wanted === 'all' || wanted.size > 0);
    })().finally(() => (loading = null));
    return loading;
  }

  function reload(): Promise<void> {
    wanted = 'all';
    return follow();
  }

  async function poll(): Promise<void> {
    if (loading === null && wanted !== 'all' && !(await routing.changed())) kept?.unchanged();
    else await reload();
  }

  /** What an earlier process knew; it is read again with the next look. */
  async function startFrom(found: Routing): Promise<void> {
    await attach(routing.keep(found), false);
    onRead();
  }

  /** `changed`: the endpoint; null or nothing: any, changes may have been missed. */
  function hint(changed: string | null): void {
    if (!changed || (wanted !== 'all' && wanted.size >= someAtOnce)) {
      wanted = 'all';
      missed = true;
    } else if (wanted !== 'all') wanted.add(changed);
    told(follow());
  }

  function told(reading: Promise<void>): void {
    reading.then(
      () => (warned = false),
      (error: unknown) => {
        if (!warned) log.warn({ reason: reasonOf(error) }, 'routes could not be read again; the last ones are kept');
        warned = true;
      },
    );
  }

  return {
    /** Loads once (throws `database_unavailable` when it cannot, and nothing is kept) and keeps up from then on. */
    async start(): Promise<void> {
      if (timer) return;
      timer = setInterval(() => told(poll()), pollMs);
      timer.unref();
      listening = await db.listen('serving', hint);
      await reload().catch((error: unknown) => {
        const found = unavailable(error) ? kept?.found : null;
        if (!found) throw error;
        return startFrom(found);
      });
    },
    async stop(): Promise<void> {
      if (timer) clearInterval(timer);
      timer = null;
      await listening?.close();
      listening = null;
      await loading?.catch(() => {});
    },
    /** Reads again now. */
    reload,
  };
}
