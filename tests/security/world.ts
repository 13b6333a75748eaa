import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, type Logger } from '../../backend/src/platform/log/index.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';

export interface World {
  db: Db;
  folder: string;
  log: Logger;
  /** every line that was logged */
  logged: string[];
  close(): Promise<void>;
}

/** A real, migrated database in a folder of its own. */
export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'llmops-security-'));
  const logged: string[] = [];
  const log = createLog({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const db = await openDatabase({ dataDir: folder, log });
  await migrate(db, join(import.meta.dirname, '../../backend/migrations'));
  return {
    db,
    folder,
    log,
    logged,
    async close() {
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A server on a free port of loopback. */
export async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Looks every 20 ms; throws after `ms`. */
export async function eventually<T>(look: () => T | Promise<T>, ms = 5_000): Promise<NonNullable<T>> {
  for (const until = Date.now() + ms; Date.now() < until;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`did not become true within ${ms} ms`);
}
