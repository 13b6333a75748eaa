import { spawnSync } from 'node:child_process';

/** What CI runs: format, lint, boundaries, types, unused code, then all tests. `-- --no-tests` leaves the tests out. */
const steps: [string, string[]][] = [
  ['format', ['npx', 'oxfmt', '--check', '.']],
  ['lint', ['npx', 'oxlint', '--deny-warnings']],
  ['boundaries', ['node', 'scripts/boundaries.ts']],
  ['generated files', ['node', 'scripts/generate.ts', '--check']],
  ['types', ['npx', 'tsc', '--noEmit', '-p', 'tsconfig.json']],
  ['types of the web', ['npx', 'vue-tsc', '--noEmit', '-p', 'frontend/tsconfig.json']],
  ['unused code', ['npx', 'knip']],
  ['first load of the web', ['node', 'frontend/scripts/bundle-size.ts']],
];
if (!process.argv.includes('--no-tests')) steps.push(['tests', ['node', 'scripts/test.ts']]);

for (const [name, [command, ...args]] of steps) {
  console.log(`== ${name}`);
  const { status } = spawnSync(command!, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`== ${name} failed: ${[command, ...args].join(' ')}`);
    process.exit(status ?? 1);
  }
}
