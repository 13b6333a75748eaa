#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { isFailure, type ErrorCode } from '#platform/errors';
import { addDataCommands } from './data.ts';
import { addSecurityCommands } from './security.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 75 not now (the same command may work later), 130 interrupted. */
const exitCodes: Partial<Record<ErrorCode, number>> = {
  backup_unsettled: 75,
  configuration_invalid: 2,
  database_unavailable: 75,
  object_store_unavailable: 75,
  platform_already_running: 75,
};

const program = new Command('llmops')
  .description('Operates a platform: reads the same configuration as the server (environment, .env).')
  .exitOverride()
  .showHelpAfterError();
addDataCommands(program);
addSecurityCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  // commander has written its message already
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!isFailure(error)) {
    console.error(error);
    return 1;
  }
  console.error(`${error.message}\n${error.remedy}`);
  return exitCodes[error.code] ?? 1;
}
