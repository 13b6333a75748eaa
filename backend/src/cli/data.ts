import type { Command } from 'commander';
import { auditHeadKey } from '#domains/governance';
import { backup, migrate, restore } from '#platform/db';
import { migrationsDir, secretKeyId, withDatabase } from './environment.ts';
import { openObjects } from '../settings.ts';

export function addDataCommands(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to the newest schema; the server does the same when it starts')
    .action(async () => {
      const { applied } = await withDatabase({ exclusive: false }, ({ db }) => migrate(db, migrationsDir));
      console.log(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
    });

  program
    .command('backup')
    .description('write database and files, with digests, to a new folder below DIR; the platform may go on running')
    .argument('<dir>', 'where backup-TIME is made')
    .action(async (dir: string) => {
      const { folder, manifest } = await withDatabase({ exclusive: false }, async ({ db, settings }) =>
        backup({ db, objects: await openObjects(settings), dir, secretKeyId: await secretKeyId(settings) }),
      );
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const { count, totalBytes } = manifest.objects;
      console.log(
        `Wrote ${folder}: ${rows} rows of ${manifest.tables.length} tables, ${manifest.jobs?.rows ?? 0} of jobs, ${count} files of ${totalBytes} bytes.`,
      );
      if (manifest.secretKeyId !== null) {
        console.log(
          `Its secrets need the key ${manifest.secretKeyId} (SECRETS_KEY, or secrets.key in DATA_DIR), which is not in it: keep that elsewhere.`,
        );
      }
    });

  program
    .command('restore')
    .description('put a backup into an empty database and the file store; the platform must not run')
    .argument('<dir>', 'a backup-TIME folder')
    .action(async (dir: string) => {
      const manifest = await withDatabase({ exclusive: true }, async ({ db, settings }) => {
        const objects = await openObjects(settings);
        const restored = await restore({ db, objects, dir, migrationsDir, secretKeyId: await secretKeyId(settings) });
        // The chain goes on from the restored entries: its exported end was written later than they were.
        await objects.delete(auditHeadKey);
        return restored;
      });
      console.log(
        `Restored ${dir} of ${manifest.createdAt}: ${manifest.tables.length} tables, ${manifest.objects.count} files.`,
      );
    });
}
