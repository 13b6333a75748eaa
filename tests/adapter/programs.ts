import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { buildAdapter, buildPrometheus } from '../cluster/build.ts';
import { freePorts, type Plane } from '../cluster/plane.ts';
import { projectRoot, type Json } from '../journeys/harness.ts';

export interface Program {
  url: string;
  stop(): Promise<void>;
}

const read = (name: string): Json => parse(readFileSync(join(projectRoot, 'infra/prometheus', name), 'utf8'));

async function start(name: string, command: string, args: string[], ready: () => Promise<boolean>, url: string) {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (text: Buffer) => (said = (said + text.toString()).slice(-8_000));
  child.stdout!.on('data', keep);
  child.stderr!.on('data', keep);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    if (await ready().catch(() => false)) return { url, stop };
    await wait(100);
  }
  await stop();
  throw new Error(`${name} did not come up:\n${said}`);
}

/**
 * Prometheus with the jobs of infra/prometheus/prometheus.yml that scrape engines and GPUs. It finds the plane's pods as it finds those of any
 * cluster; only their addresses, which nothing answers at, are exchanged for the exporter's.
 */
export async function startPrometheus(plane: Plane, exporter: { port: number }): Promise<Program> {
  const [port] = await freePorts(1);
  const folder = join(plane.folder, 'prometheus');
  await mkdir(folder);
  await writeFile(join(folder, 'ca.crt'), plane.ca);
  await writeFile(join(folder, 'token'), plane.token, { mode: 0o600 });
  const here = [
    {
      source_labels: ['__meta_kubernetes_namespace', '__meta_kubernetes_pod_name'],
      separator: '/',
      target_label: '__metrics_path__',
      replacement: '/metrics/$1',
    },
    { target_label: '__address__', replacement: `127.0.0.1:${exporter.port}` },
  ];
  const jobs = read('prometheus.yml').scrape_configs.filter((job: Json) => job.job_name !== 'llm-ops');
  const config = {
    global: { scrape_interval: '5s' },
    scrape_configs: jobs.map((job: Json) => ({
      ...job,
      kubernetes_sd_configs: job.kubernetes_sd_configs.map((found: Json) => ({
        ...found,
        api_server: plane.server,
        authorization: { credentials_file: join(folder, 'token') },
        tls_config: { ca_file: join(folder, 'ca.crt') },
      })),
      relabel_configs: [...job.relabel_configs, ...here],
    })),
  };
  // JSON is YAML
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  return start('Prometheus', buildPrometheus(), args, async () => (await fetch(`${url}/-/ready`)).ok, url);
}

/**
 * The adapter with the rules of infra/prometheus/adapter.yaml, as the chart hands them over, under the rights that its makers' manifests give it, and
 * registered at the plane as the custom metrics API.
 */
export async function startAdapter(plane: Plane, prometheus: { url: string }): Promise<Program> {
  const [port] = await freePorts(1);
  const folder = join(plane.folder, 'adapter');
  await mkdir(folder);
  const source = join(import.meta.dirname, '../cluster/adapter');
  const listed = ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/prometheus-adapter'];
  const module = spawnSync('go', listed, { cwd: source, encoding: 'utf8' }).stdout.trim();
  await plane.kubectl(['create', 'namespace', 'monitoring']);
  for (const name of [
    'service-account',
    'cluster-role',
    'cluster-role-binding',
    'cluster-role-binding-delegator',
    'role-binding-auth-reader',
  ])
    await plane.kubectl(['apply', '-f', join(module, 'deploy/manifests', `${name}.yaml`)]);
  const token = await plane.kubectl(['-n', 'monitoring', 'create', 'token', 'prometheus-adapter', '--duration=2h']);
  const account = join(folder, 'kubeconfig');
  await writeFile(
    account,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'plane',
      clusters: [
        {
          name: 'plane',
          cluster: { server: plane.server, 'certificate-authority-data': Buffer.from(plane.ca).toString('base64') },
        },
      ],
      users: [{ name: 'adapter', user: { token: token.trim() } }],
      contexts: [{ name: 'plane', context: { cluster: 'plane', user: 'adapter' } }],
    }),
    { mode: 0o600 },
  );
  const config = join(folder, 'config.yaml');
  await writeFile(config, JSON.stringify({ rules: read('adapter.yaml').rules.custom }));
  // where the plane's API server finds it: a name for this machine instead of pods
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'prometheus-adapter', namespace: 'monitoring' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port, name: 'https' }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.custom.metrics.k8s.io' },
      spec: {
        group: 'custom.metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { name: 'prometheus-adapter', namespace: 'monitoring', port },
      },
    },
  ];
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const args = [
    `--prometheus-url=${prometheus.url}`,
    `--config=${config}`,
    // a minute as the chart has it
    '--metrics-relist-interval=10s',
    `--lister-kubeconfig=${account}`,
    `--authentication-kubeconfig=${account}`,
    `--authorization-kubeconfig=${account}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
  ];
  const available = async () => {
    const read = ['get', 'apiservice', 'v1beta1.custom.metrics.k8s.io', '-o', 'json'];
    const { status } = JSON.parse(await plane.kubectl(read)) as Json;
    return status.conditions?.some((one: Json) => one.type === 'Available' && one.status === 'True') === true;
  };
  return start('the adapter', buildAdapter(), args, available, `https://127.0.0.1:${port}`);
}
