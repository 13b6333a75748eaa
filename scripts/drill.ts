import { spawnSync } from 'node:child_process';
import { provisionAll } from './provision/all.ts';

/** The long forms of what `npm test` runs in short: `npm run drill kill`. Figures go into bench/README.md with date and versions. */
const drills: Record<string, { about: string; files: string[]; environment: Record<string, string> }> = {
  kill: { about: 'kill -9 at 25 random points', files: ['tests/faults/kill.test.ts'], environment: { KILLS: '25' } },
  outage: {
    about: 'database away and frozen for 60 s each, object store away and silent, corrupt byte, backup',
    files: ['tests/faults/outage.test.ts'],
    environment: { OUTAGE_SECONDS: '60', FREEZE_SECONDS: '60', RECOVERY_SECONDS: '10' },
  },
  contract: {
    about: 'schemathesis, 200 cases an operation',
    files: ['tests/journeys/contract.test.ts'],
    environment: { CONTRACT_CASES: '200' },
  },
  parity: {
    about: 'greedy output against transformers, live (installs torch)',
    files: ['tests/python/parity.test.ts'],
    environment: { PARITY: 'live' },
  },
  parsers: {
    about: 'the readers of CSV and JSONL against plain ones, 10,000 cases of each',
    files: [
      'backend/src/domains/datasets/engine/accept/csv/scan.test.ts',
      'backend/src/domains/datasets/engine/accept/jsonl/scan.test.ts',
    ],
    environment: { PARSER_RUNS: '10000' },
  },
  cluster: {
    about: 'Kubernetes API away for 10 minutes with 50 endpoints, kill -9 at 25 points of a rollout (needs Go)',
    files: ['tests/cluster/faults.test.ts'],
    environment: {
      OUTAGE_SECONDS: process.env['OUTAGE_SECONDS'] ?? '600',
      OUTAGE_ENDPOINTS: process.env['OUTAGE_ENDPOINTS'] ?? '50',
      CLUSTER_KILLS: process.env['CLUSTER_KILLS'] ?? '25',
    },
  },
  adapter: {
    about:
      'HPAs by metrics of a real Prometheus through the real Prometheus adapter, by infra/prometheus (needs Go, openssl)',
    files: ['tests/adapter/autoscaling.test.ts'],
    environment: {},
  },
  vllm: {
    about:
      'a real vLLM on the CPU: its own parser on all command lines, then as a pod behind the gateway (6 GB, Python 3.11 to 3.13)',
    files: ['tests/vllm/arguments.test.ts', 'tests/vllm/serving.test.ts'],
    environment: {},
  },
  ollama: {
    about: "a real Ollama behind the gateway, by OpenAI's client (needs one: on the path, or named in OLLAMA)",
    files: ['tests/ollama/serving.test.ts'],
    environment: {},
  },
  soak: {
    about: '200 streams for 30 minutes and a slow client: memory, gaps (needs Go)',
    files: ['bench/gateway/soak.ts'],
    environment: { SOAK_MINUTES: process.env['SOAK_MINUTES'] ?? '30' },
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in drills));
if (unknown.length > 0 || wanted.length === 0) {
  for (const [name, { about }] of Object.entries(drills)) console.log(`npm run drill ${name.padEnd(10)} ${about}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
await provisionAll();
for (const name of wanted) {
  const { about, files, environment } = drills[name]!;
  console.log(`== ${name}: ${about}`);
  const { status } = spawnSync(process.execPath, ['--test', '--test-force-exit', ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (status !== 0) process.exitCode = 1;
}
