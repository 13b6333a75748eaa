export { createSharedLocks, withAdvisoryLock, type SharedLocks } from './advisory.ts';
export { lockDataDir, type DataDirLock } from './lock.ts';
export { migrate } from './migrate.ts';
export { openDatabase, type Db, type NoTables, type OpenDatabase } from './open.ts';
export { after } from './page.ts';
export { databaseUnavailable, unavailable } from './unavailable.ts';
export { backup, type BackupResult } from './backup/backup.ts';
export { restore } from './backup/restore.ts';
