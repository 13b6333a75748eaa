import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** The platform with reload on change, engines kept across reloads, and the web application's development server beside it. */
mkdirSync('.data', { recursive: true });
const environment = {
  ...process.env,
  ENGINE_GRACE_MS: process.env['ENGINE_GRACE_MS'] ?? '30000',
  LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'debug',
};
const children = [
  spawn(process.execPath, ['--watch', '--watch-path=backend/src', '--watch-path=contracts', 'backend/src/main.ts'], {
    stdio: 'inherit',
    env: environment,
  }),
  spawn('npm', ['run', 'dev', '--workspace', 'frontend'], { stdio: 'inherit', env: environment }),
];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
