import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SuiteCounts } from './count-reporter.ts';
import { provisionAll } from './provision/all.ts';

/** Runs every suite and ends with `N passed, N failed`. `npm test -- unit ports` runs some of them. */
interface Suite {
  name: string;
  files: string[];
  /** test files at a time */
  concurrency: number;
  /** seconds one file may take */
  timeout: number;
  /**
   * End a file when its tests have, whatever still holds it open (a browser, a child). Only for files without `describe`: Node counts the
   * tests of a later suite as unknown and would end the file before them.
   */
  forceExit: boolean;
}

const find = (pattern: string): string[] => globSync(pattern).toSorted();

const isOfBrowser = (file: string): boolean => path.basename(file).startsWith('web-');

const suites: Suite[] = [
  {
    name: 'unit',
    files: [
      ...find('{contracts,sdk,backend/src,bench}/**/*.test.ts').filter((file) => !file.includes('node_modules')),
      ...find('tests/gates/*.test.ts'),
    ],
    concurrency: 2,
    timeout: 120,
    forceExit: false,
  },
  { name: 'ports', files: find('tests/ports/*.test.ts'), concurrency: 2, timeout: 300, forceExit: false },
  {
    name: 'domains',
    files: find('tests/{catalog,cost,datasets,serving,security,python,inference,platform,providers}/**/*.test.ts'),
    concurrency: 2,
    timeout: 300,
    forceExit: false,
  },
  // each has a control plane of its own, and waits for it most of its time
  { name: 'cluster', files: find('tests/cluster/*.test.ts'), concurrency: 2, timeout: 600, forceExit: true },
  {
    name: 'journeys',
    files: find('tests/journeys/*.test.ts').filter((file) => !isOfBrowser(file)),
    concurrency: 2,
    timeout: 600,
    forceExit: true,
  },
  // a browser takes more than a core
  {
    name: 'browser',
    files: find('tests/journeys/*.test.ts').filter(isOfBrowser),
    concurrency: 1,
    timeout: 600,
    forceExit: true,
  },
  { name: 'faults', files: find('tests/faults/*.test.ts'), concurrency: 1, timeout: 900, forceExit: true },
];

const wanted = process.argv.slice(2);
const chosen = suites.filter((suite) => wanted.length === 0 || wanted.includes(suite.name));
const scratch = mkdtempSync(path.join(tmpdir(), 'llm-ops-test-'));
const totals: SuiteCounts = { passed: 0, failed: 0, skipped: 0, failures: [] };

if (wanted.length === 0 || wanted.some((name) => name !== 'unit' && name !== 'web')) await provisionAll();
if (!existsSync('frontend/dist/index.html')) run('npm', ['run', 'build', '--workspace', 'frontend'], {});
for (const suite of chosen) if (suite.files.length > 0) runSuite(suite);
if (wanted.length === 0 || wanted.includes('web')) runWeb();
rmSync(scratch, { recursive: true, force: true });
if (totals.failures.length > 0) console.log(`\nFailed:\n${totals.failures.map((line) => `  ${line}`).join('\n')}`);
console.log(
  `\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`,
);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

function runSuite(suite: Suite): void {
  console.log(`\n== ${suite.name}: ${suite.files.length} files`);
  const countFile = path.join(scratch, `${suite.name}.json`);
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/count-reporter.ts',
    `--test-reporter-destination=${path.join(scratch, 'none')}`,
  ];
  const status = run(
    process.execPath,
    [
      '--test',
      ...(suite.forceExit ? ['--test-force-exit'] : []),
      `--test-concurrency=${suite.concurrency}`,
      `--test-timeout=${suite.timeout * 1000}`,
      ...reporters,
      ...suite.files,
    ],
    { COUNT_FILE: countFile },
  );
  add(suite.name, status, existsSync(countFile) ? (JSON.parse(readFileSync(countFile, 'utf8')) as SuiteCounts) : null);
}

function runWeb(): void {
  console.log('\n== web');
  const outputFile = path.join(scratch, 'web.json');
  const status = run(
    'npx',
    ['vitest', 'run', '--root', 'frontend', '--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`],
    {},
  );
  const report = existsSync(outputFile)
    ? (JSON.parse(readFileSync(outputFile, 'utf8')) as {
        numPassedTests: number;
        numFailedTests: number;
        numPendingTests: number;
        testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
      })
    : null;
  add(
    'web',
    status,
    report === null
      ? null
      : {
          passed: report.numPassedTests,
          failed: report.numFailedTests,
          skipped: report.numPendingTests,
          failures: report.testResults
            .flatMap((file) => file.assertionResults)
            .filter((test) => test.status === 'failed')
            .map((test) => `${test.fullName}: ${test.failureMessages[0]?.split('\n', 1)[0] ?? 'failed'}`),
        },
  );
}

/** A suite that ended badly without a failed test (a crash, a time-out) counts as one failure. */
function add(name: string, status: number, counts: SuiteCounts | null): void {
  totals.passed += counts?.passed ?? 0;
  totals.skipped += counts?.skipped ?? 0;
  totals.failed += Math.max(counts?.failed ?? 0, status === 0 ? 0 : 1);
  totals.failures.push(...(counts?.failures ?? []));
  if (status === 0) return;
  console.log(`== ${name} failed (exit ${status})`);
  if (counts === null || counts.failed === 0) totals.failures.push(`${name}: ended with ${status} and no failed test`);
}

function run(command: string, args: string[], environment: Record<string, string>): number {
  return spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } }).status ?? 1;
}
