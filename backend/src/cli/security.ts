import type { Command } from 'commander';
import { verifyChain } from '#domains/governance';
import { loadAuditKeys } from '#platform/audit';
import { createLog } from '#platform/log';
import { createSecrets, loadKeys, parseKey, type Secrets } from '#platform/secrets';
import { withDatabase, type CommandContext } from './environment.ts';
import { openObjects } from '../settings.ts';

export function addSecurityCommands(program: Command): void {
  program
    .command('audit')
    .description('the audit log')
    .command('verify')
    .description('walk the sealed chain and name the first broken entry; exit code 1 when it is broken')
    .action(async () => {
      const verdict = await withDatabase({ exclusive: false }, async (context) => {
        const auditKeys = await loadAuditKeys(await openSecrets(context), context.settings.AUDIT_KEY);
        return verifyChain({ db: context.db, auditKeys, objects: await openObjects(context.settings) });
      });
      if (verdict.firstBroken === null) {
        console.log(`The chain is whole: ${verdict.sealed} entries sealed, ${verdict.unsealed} not sealed yet.`);
        return;
      }
      const { sequence, id, reason } = verdict.firstBroken;
      console.error(`The chain is broken at entry ${sequence} (${id}): ${reason}`);
      process.exitCode = 1;
    });

  program
    .command('secrets')
    .description('the secret store')
    .command('rotate')
    .description(
      'encrypt every secret with a new key: SECRETS_KEY (the old one in SECRETS_PREVIOUS_KEY), or a new key file',
    )
    .action(async () => {
      const count = await withDatabase({ exclusive: true }, async (context) => {
        const { SECRETS_KEY: next, DATA_DIR: dataDir } = context.settings;
        const secrets = await openSecrets(context);
        return next === undefined ? secrets.rotateKeyFile(dataDir) : secrets.rotate(parseKey(next));
      });
      console.log(`Encrypted ${count} secrets with the new key. Start every server with it.`);
    });
}

async function openSecrets({ db, settings }: CommandContext): Promise<Secrets> {
  const { SECRETS_KEY: secretsKey, SECRETS_PREVIOUS_KEY: previousKey, DATA_DIR: dataDir } = settings;
  const keys = await loadKeys({ secretsKey, previousKey, dataDir, embedded: settings.DATABASE_URL === undefined });
  return createSecrets({ db, keys, log: createLog({ level: 'warn' }, process.stderr) });
}
