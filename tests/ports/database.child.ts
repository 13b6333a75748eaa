import { lockDataDir, migrate, openDatabase, restore } from '../../backend/src/platform/db/index.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';

/** A program of its own for the tests of the database: does what it is told, says how it went, and stays until it is killed or told to end. */
const [action, target = '', folder = '', migrationsDir = ''] = process.argv.slice(2);
const log = createLog({ level: 'silent' });

try {
  if (action === 'lock') {
    await lockDataDir(target);
    process.send?.({ ok: true });
  } else if (action === 'own') {
    await lockDataDir(target);
    const db = await openDatabase({ dataDir: target, log });
    const { rows } = await db.pool.query<{ pid: number }>(
      `select (regexp_split_to_array(pg_read_file('postmaster.pid'), '\\n'))[1]::int as pid`,
    );
    process.send?.({ ok: true, url: db.url, postmaster: rows[0]?.pid });
    process.once('message', () => void db.close().then(() => process.exit(0)));
  } else if (action === 'restore') {
    // stops in the middle, where it is killed
    const objects = { put: () => new Promise(() => process.send?.({ ok: true })) } as unknown as Objects;
    await restore({ db: { url: target }, objects, dir: folder, migrationsDir });
  } else if (action === 'migrate') {
    process.send?.({ ok: true, ...(await migrate({ url: target }, folder)) });
  }
} catch (error) {
  process.send?.({ ok: false, code: isFailure(error) ? error.code : 'unknown', message: (error as Error).message });
}
// the channel to the test keeps it alive; it ends with the test
process.once('disconnect', () => process.exit(0));
setInterval(() => {}, 60_000);
