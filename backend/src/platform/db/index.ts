export { withAdvisoryLock } from './advisory.ts';
export { lockDataDir, type DataDirLock } from './lock.ts';
export { migrate } from './migrate.ts';
export { openDatabase, type Db, type NoTables, type OpenDatabase } from './open.ts';
export { after } from './page.ts';
export { unavailable } from './unavailable.ts';
export { backup, type BackupResult } from './backup/backup.ts';
export { restore } from './backup/restore.ts';
