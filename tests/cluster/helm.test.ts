import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { metricsOf } from '../../backend/src/adapters/runtime/kubernetes/plan.ts';
import { loadConfig } from '../../backend/src/platform/config/index.ts';
import { options } from '../../backend/src/platform/config/schema.ts';
import { ownOptions } from '../../scripts/chart-schema.ts';
import { kustomizeFiles, renderChart } from '../../scripts/kustomize.ts';
import { addVolumes, chart, environments, helm, helmDoes, namespaceFor, valuesOf } from './chart.ts';
import { applyDefinitions } from './crds.ts';
import { startPlane, type Plane } from './plane.ts';

/** The chart by Helm itself, and what it renders on a real API server, whose validation and pod security are the judge. */
let plane: Plane;

before(async () => {
  plane = await startPlane();
  await Promise.all([plane.addNodes(3, { prefix: 'cpu', gpus: 0 }), addVolumes(plane, 12)]);
  await applyDefinitions(plane, 'prometheus-operator');
});
after(() => plane?.stop());

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
}
const read = (text: string): Manifest[] =>
  parseAllDocuments(text).flatMap((document) => (document.contents === null ? [] : [document.toJS() as Manifest]));
const rendered = async (...args: string[]) => read(await helmDoes(['template', 'llm-ops', chart, ...args]));
const secrets = {
  DATABASE_URL: 'postgresql://llmops:secret@postgres:5432/llmops',
  SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
  OBJECT_STORE_ACCESS_KEY: 'access',
  OBJECT_STORE_SECRET_KEY: 'secret',
};

test('QS-2: the chart passes its linter with the values of each environment', async () => {
  for (const environment of environments)
    await helmDoes(['lint', chart, '--strict', `--values=${valuesOf(environment)}`]);
});

test('QS-2, FR-006g-env: a wrong value is refused with its name and what would be right', async () => {
  const cases: [string, RegExp][] = [
    ['config.USE_GPUS=true', /at '\/config': additional properties 'USE_GPUS' not allowed/],
    ['config.LOG_LEVEL=loud', /at '\/config\/LOG_LEVEL': value must be one of 'trace', 'debug', 'info'/],
    ['config.DATABASE_URL=postgres://x', /at '\/config': additional properties 'DATABASE_URL' not allowed/],
    ['secrets.values.PASSWORD=x', /at '\/secrets\/values': additional properties 'PASSWORD' not allowed/],
    ['gateway.replicas=1', /at '\/gateway\/replicas': minimum: got 1, want 2/],
    ['environments.names={qa}', /at '\/environments\/names\/0': value must be one of 'dev', 'stg', 'prod'/],
    ['api.resources.limits.memory=lots', /at '\/api\/resources\/limits\/memory': 'lots' does not match pattern/],
    ['config.OBJECT_STORE_ENDPOINT=', /config\.OBJECT_STORE_ENDPOINT: name the S3 service/],
    ['secrets.existingSecret=', /secrets: DATABASE_URL is missing\. Put it into a Secret/],
    ['config.OIDC_ISSUER=', /IDENTITY_MODE oidc needs OIDC_ISSUER and OIDC_CLIENT_ID/],
    ['ingress.host=', /ingress\.host: name the host/],
  ];
  for (const [value, words] of cases) {
    const { code, problem } = await helm(['template', 'x', chart, `--values=${valuesOf('dev')}`, '--set', value]);
    assert.equal(code, 1, value);
    assert.match(problem, words);
  }
  const { problem } = await helm(['template', 'x', chart, '--set', 'config.IDENTITY_MODE=both']);
  assert.match(problem, /config\.OBJECT_STORE_ENDPOINT/);
});

test('FR-006g-env, QS-2: every option of the server can be given by values and arrives as it was written', async () => {
  const isSecret = (option: object) => 'secret' in option && option.secret === true;
  const given = Object.entries(options).filter(([name, option]) => !ownOptions.has(name) && !isSecret(option));
  const values: Record<string, unknown> = {};
  for (const [name, { schema }] of given) {
    const parsed = schema.safeParse(undefined);
    const fallback = parsed.success ? parsed.data : undefined;
    // a number and a boolean as YAML has them
    if (['number', 'boolean', 'string'].includes(typeof fallback)) values[name] = fallback;
  }
  const examples = {
    PUBLIC_URL: 'https://a.example.com',
    MAX_FILE_BYTES: 10_737_418_240,
    OTEL_TRACES_SAMPLER_ARG: 0.25,
    DATASET_QUALITY_THRESHOLD: 62.5,
  };
  const all = { ...values, ...examples, OBJECT_STORE_BUCKET: 'b', OBJECT_STORE_ENDPOINT: 'http://s3:9000' };
  const json = JSON.stringify({ ...all, IDENTITY_MODE: 'header', TRUSTED_PROXIES: '10.0.0.0/8' });
  const objects = await rendered('--set-json', `config=${json}`, '--set', 'secrets.existingSecret=llm-ops');
  const data = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'llm-ops')!.data!;
  for (const [name, value] of Object.entries(all)) assert.equal(data[name], String(value), name);
  const { settings } = loadConfig({ ...data, ...secrets, ROLES: 'api' }, tmpdir());
  assert.equal(settings.MAX_FILE_BYTES, 10_737_418_240);
  assert.equal(settings.OTEL_TRACES_SAMPLER_ARG, 0.25);
});

for (const environment of environments) {
  test(`QS-2, ORG-6: what it renders for ${environment} is taken by the API server and becomes ready`, async () => {
    const namespace = `platform-${environment}`;
    await namespaceFor(plane, namespace, secrets);
    const text = await helmDoes([
      'template',
      'llm-ops',
      chart,
      `--namespace=${namespace}`,
      `--values=${valuesOf(environment)}`,
    ]);
    const objects = read(text);
    const { data } = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'llm-ops')!;
    loadConfig({ ...data, ...secrets, ROLES: 'gateway' }, tmpdir());
    // namespaces first, as Helm does it
    const order = (kind: string) => (kind === 'Namespace' ? 0 : 1);
    const sorted = objects.toSorted((a, b) => order(a.kind) - order(b.kind));
    const applied = await plane.kubectl(
      ['apply', '--server-side', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: sorted }),
    );
    assert.equal(applied.trim().split('\n').length, objects.length);
    for (const name of ['deployment/llm-ops-api', 'deployment/llm-ops-worker', 'statefulset/llm-ops-gateway'])
      await plane.kubectl(['-n', namespace, 'rollout', 'status', name, '--timeout=120s']);
    await plane.kubectl(['-n', namespace, 'wait', '--for=condition=complete', 'job/llm-ops-migrate', '--timeout=60s']);
    const may = (who: string, ...what: string[]) =>
      plane
        .kubectl(['auth', 'can-i', `--as=system:serviceaccount:${namespace}:llm-ops-${who}`, ...what])
        .then(() => true)
        .catch(() => false);
    const models = `llm-ops-${environment}`;
    const rights = {
      'worker deploys': await may('worker', 'patch', 'deployments.apps', '-n', models),
      'worker deploys organization models': await may('worker', 'create', 'services', '-n', 'jan-models'),
      'worker elsewhere': await may('worker', 'patch', 'deployments.apps', '-n', namespace),
      'worker reads secrets': await may('worker', 'get', 'secrets', '-n', models),
      'gateway follows': await may('gateway', 'watch', 'endpointslices.discovery.k8s.io', '-A'),
      'gateway deploys': await may('gateway', 'patch', 'deployments.apps', '-n', models),
      'api reads logs': await may('api', 'get', 'pods/log', '-n', models),
      'api deploys': await may('api', 'patch', 'deployments.apps', '-n', models),
    };
    assert.deepEqual(rights, {
      'worker deploys': true,
      'worker deploys organization models': true,
      'worker elsewhere': false,
      'worker reads secrets': false,
      'gateway follows': true,
      'gateway deploys': false,
      'api reads logs': true,
      'api deploys': false,
    });
  });
}

test('QS-obs, FR-006: the example of the Prometheus adapter has every metric that the HPA of a model may ask for', () => {
  const { rules } = parse(readFileSync('infra/prometheus/adapter.yaml', 'utf8')) as {
    rules: { custom: { seriesQuery: string; name: { matches: string; as: string }; metricsQuery: string }[] };
  };
  for (const { seriesQuery, name } of rules.custom) {
    const [, series] = /__name__="([^"]+)"/.exec(seriesQuery)!;
    assert.match(series!, new RegExp(name.matches));
  }
  const asked = metricsOf({ gpuUtilization: 60, targetLatencyMs: 500 }) as { pods: { metric: { name: string } } }[];
  const had = rules.custom.map(({ name }) => name.as);
  for (const { pods } of asked) assert.ok(had.includes(pods.metric.name), pods.metric.name);
  assert.ok(had.includes('vllm:num_requests_waiting'));
});

test('QS-2: kustomize installs what the chart does', async () => {
  for (const [file, text] of Object.entries(kustomizeFiles()))
    assert.ok(readFileSync(file, 'utf8') === text, `${file} is not what the chart says: node scripts/kustomize.ts`);
  const byId = (objects: readonly Manifest[]) =>
    Object.fromEntries(objects.map((one) => [`${one.kind} ${one.metadata.namespace ?? ''} ${one.metadata.name}`, one]));
  for (const environment of environments) {
    const overlay = `infra/k8s/overlays/${environment}`;
    const { 'Namespace  llm-ops': own, ...built } = byId(read(await plane.kubectl(['kustomize', overlay])));
    assert.ok(own);
    assert.deepEqual(built, byId(renderChart(environment).map(({ manifest }) => manifest as Manifest)));
  }
  // it lies in no cluster yet, so that a dry run would miss its namespace
  await plane.kubectl(['apply', '--server-side', '-k', 'infra/k8s/overlays/dev', '--force-conflicts']);
  await plane.kubectl(['-n', 'llm-ops', 'rollout', 'status', 'deployment/llm-ops-api', '--timeout=120s']);
});
