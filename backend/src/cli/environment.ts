import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig, type Settings } from '#platform/config';
import { lockDataDir, openDatabase, type DataDirLock, type Db } from '#platform/db';
import { isFailure } from '#platform/errors';
import { createLog } from '#platform/log';
import { loadKeys } from '#platform/secrets';

export const migrationsDir = fileURLToPath(new URL('../../migrations', import.meta.url));

export interface CommandContext {
  settings: Settings;
  db: Db;
}

/**
 * Runs a command with the configured database. A running platform keeps its embedded one and is only visited; when none runs, it is
 * started for the command and stopped after it. An `exclusive` command needs the data folder for itself: it throws
 * `platform_already_running`. Ctrl-C leaves no server behind.
 */
export async function withDatabase<T>(
  options: { exclusive: boolean },
  run: (context: CommandContext) => Promise<T>,
): Promise<T> {
  const { settings } = loadConfig();
  const log = createLog({ level: 'warn' }, process.stderr);
  const url = settings.DATABASE_URL;
  let lock: DataDirLock | null = null;
  if (options.exclusive || url === undefined) {
    lock = await lockDataDir(settings.DATA_DIR).catch((error: unknown) => {
      if (options.exclusive || !isFailure(error, 'platform_already_running')) throw error;
      return null;
    });
  }
  let db: Db | null = null;
  const close = async () => {
    await db?.close();
    await lock?.release();
  };
  const interrupt = () => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const guest = url === undefined && lock === null;
    db = await openDatabase({ url, dataDir: settings.DATA_DIR, log, poolSize: 2, guest });
    return await run({ settings, db });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await close();
  }
}

/** Id of the secret key in force; null when none is configured or was ever made (none is made here). */
export async function secretKeyId(settings: Settings): Promise<string | null> {
  const { SECRETS_KEY: secretsKey, SECRETS_PREVIOUS_KEY: previousKey, DATA_DIR: dataDir } = settings;
  if (secretsKey === undefined && !existsSync(join(dataDir, 'secrets.key'))) return null;
  const [key] = await loadKeys({ secretsKey, previousKey, dataDir, embedded: settings.DATABASE_URL === undefined });
  return key.id;
}
