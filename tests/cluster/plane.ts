import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { buildPlane } from './build.ts';
import { logs as logFiles, stages } from './stages.ts';

export interface Plane {
  /** `https://127.0.0.1:{port}` */
  server: string;
  /** file with the administrator's credentials */
  kubeconfig: string;
  token: string;
  /** etcd's own address */
  etcd: string;
  /** PEM of the server's certificate authority */
  ca: string;
  folder: string;
  /** Runs kubectl; answers what it printed. Throws with what it said when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Makes nodes `{prefix}-0…` with so many GPUs each. */
  addNodes(count: number, node: { prefix: string; gpus: number; labels?: Record<string, string> }): Promise<void>;
  /** Lets the containers of all pods write these lines, or have written them before their last restart. */
  write(lines: readonly string[], options?: { previous?: boolean }): Promise<void>;
  /** Ends the API server; `resumeApi` brings it back on the same port, with another certificate if so asked. */
  haltApi(): Promise<void>;
  resumeApi(options?: { newCertificate?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** As large clusters set them: 20 requests a second would make hundreds of deployments wait for the controllers. */
const swift = ['--kube-api-qps=500', '--kube-api-burst=1000'];
/** The same of controllers, for hundreds of deployments: five objects of a kind at a time would be waited for. */
const wide = ['deployment', 'replicaset', 'service-endpoint', 'endpoint', 'horizontal-pod-autoscaler'].map(
  (kind) => `--concurrent-${kind}-syncs=20`,
);

/**
 * A real control plane on loopback ports, with kwok in the place of kubelets. Ready in some seconds. `large`: its controllers work as those of
 * large clusters do. `frontProxy`: its API server tells the servers behind it who asks (an APIService), by a certificate that openssl makes.
 */
export async function startPlane({
  frontProxy = false,
  large = false,
}: { frontProxy?: boolean; large?: boolean } = {}): Promise<Plane> {
  const program = buildPlane();
  const shm = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(join(shm, 'llm-ops-plane-'));
  const [etcdPort, peerPort, apiPort, controllerPort, schedulerPort, kubeletPort] = await freePorts(6);
  const running = new Map<string, ChildProcess>();
  const logs = new Map<string, string>();
  for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'kubectl'])
    await symlink(program, join(folder, name));
  const token = randomBytes(24).toString('hex');
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const file = (name: string) => join(folder, name);
  await writeFile(file('sa.pub'), keys.publicKey);
  await writeFile(file('sa.key'), keys.privateKey, { mode: 0o600 });
  await writeFile(file('tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  const written = { now: file('container.log'), previous: file('container-previous.log') };
  for (const name of Object.values(written)) await writeFile(name, '');
  await writeFile(file('stages.yaml'), [stages(), logFiles(written.now, written.previous)].join('---\n'));
  const server = `https://127.0.0.1:${apiPort}`;
  let certificates = 0;
  const proxied = frontProxy ? makeFrontProxy(folder) : [];

  function start(name: string, args: readonly string[]): ChildProcess {
    const child = spawn(file(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (text: Buffer) => logs.set(name, ((logs.get(name) ?? '') + text.toString()).slice(-20_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    running.set(name, child);
    return child;
  }

  async function end(name: string): Promise<void> {
    const child = running.get(name);
    running.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async function until(what: string, name: string, test: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if (running.get(name)?.exitCode !== undefined && running.get(name)?.exitCode !== null) break;
      if (await test().catch(() => false)) return;
      await wait(100);
    }
    throw new Error(`${what} did not come up:\n${(logs.get(name) ?? '').slice(-4_000)}`);
  }

  function startApi(): void {
    start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${apiPort}`,
      `--cert-dir=${file(`certificates-${certificates}`)}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--max-requests-inflight=2000',
      '--max-mutating-requests-inflight=1000',
      '--enable-priority-and-fairness=false',
      ...proxied,
      '--v=1',
    ]);
  }

  async function writeKubeconfig(): Promise<string> {
    const ca = await readFile(file(`certificates-${certificates}/apiserver.crt`), 'utf8');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'plane',
      clusters: [
        { name: 'plane', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
      ],
      users: [{ name: 'admin', user: { token } }],
      contexts: [{ name: 'plane', context: { cluster: 'plane', user: 'admin' } }],
    };
    await writeFile(file('kubeconfig'), JSON.stringify(config), { mode: 0o600 });
    return ca;
  }

  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const child = spawn(file('kubectl'), [
      `--kubeconfig=${file('kubeconfig')}`,
      `--cache-dir=${file('cache')}`,
      ...args,
    ]);
    const out: Buffer[] = [];
    let problem = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()));
    child.stdin.end(input ?? '');
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${problem}`);
    return Buffer.concat(out).toString();
  }

  const apiReady = async () => {
    if (!existsSync(file(`certificates-${certificates}/apiserver.crt`))) return false;
    await writeKubeconfig();
    return (await kubectl(['get', '--raw', '/readyz'])) === 'ok';
  };

  async function stop(): Promise<void> {
    for (const name of ['kwok', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd']) await end(name);
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await mkdir(file('etcd-data'));
    start('etcd', [
      `--data-dir=${file('etcd-data')}`,
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]);
    await until('etcd', 'etcd', async () => (await fetch(`http://127.0.0.1:${etcdPort}/health`)).ok);
    startApi();
    await until('kube-apiserver', 'kube-apiserver', apiReady);
    const ca = await writeKubeconfig();
    start('kube-controller-manager', [
      `--kubeconfig=${file('kubeconfig')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${controllerPort}`,
      `--cert-dir=${file('controller-certificates')}`,
      `--service-account-private-key-file=${file('sa.key')}`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      '--node-monitor-grace-period=1h',
      '--node-monitor-period=25s',
      ...swift,
      ...(large ? wide : []),
    ]);
    start('kube-scheduler', [
      `--kubeconfig=${file('kubeconfig')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${schedulerPort}`,
      `--cert-dir=${file('scheduler-certificates')}`,
      '--leader-elect=false',
      ...swift,
    ]);
    start('kwok', [
      `--kubeconfig=${file('kubeconfig')}`,
      '--manage-all-nodes=true',
      `--config=${file('stages.yaml')}`,
      '--node-lease-duration-seconds=40',
      // where the API server asks for logs, as of a kubelet
      '--node-ip=127.0.0.1',
      `--node-port=${kubeletPort}`,
      `--server-address=127.0.0.1:${kubeletPort}`,
      `--tls-cert-file=${file('certificates-0/apiserver.crt')}`,
      `--tls-private-key-file=${file('certificates-0/apiserver.key')}`,
    ]);
    await until('the default service account', 'kube-controller-manager', async () =>
      (await kubectl(['get', 'serviceaccount', 'default', '-o', 'name'])).includes('default'),
    );
    return {
      server,
      kubeconfig: file('kubeconfig'),
      token,
      etcd: `http://127.0.0.1:${etcdPort}`,
      ca,
      folder,
      kubectl,
      async addNodes(count, node) {
        const nodes = Array.from({ length: count }, (_, index) => nodeOf(`${node.prefix}-${index}`, node));
        for (let from = 0; from < nodes.length; from += 200)
          await kubectl(
            ['apply', '-f', '-'],
            JSON.stringify({ apiVersion: 'v1', kind: 'List', items: nodes.slice(from, from + 200) }),
          );
      },
      async write(lines, { previous = false } = {}) {
        // as containerd writes them
        const text = lines.map((line) => `${new Date().toISOString()} stdout F ${line}\n`).join('');
        await appendFile(previous ? written.previous : written.now, text);
      },
      haltApi: () => end('kube-apiserver'),
      async resumeApi({ newCertificate = false } = {}) {
        if (newCertificate) certificates++;
        startApi();
        await until('kube-apiserver', 'kube-apiserver', apiReady);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Flags of an API server with a certificate by which the servers behind it know it. */
function makeFrontProxy(folder: string): string[] {
  const file = (name: string) => join(folder, `front-proxy-${name}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-subj', '/CN=front-proxy-ca', '-keyout', file('ca.key'), '-out', file('ca.crt'));
  openssl('req', ...key, '-subj', '/CN=front-proxy-client', '-keyout', file('client.key'), '-out', file('client.csr'));
  const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file('client.crt')];
  openssl('x509', '-req', '-in', file('client.csr'), ...signed);
  return [
    `--proxy-client-cert-file=${file('client.crt')}`,
    `--proxy-client-key-file=${file('client.key')}`,
    `--requestheader-client-ca-file=${file('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
  ];
}

function nodeOf(name: string, node: { gpus: number; labels?: Record<string, string> }): object {
  const resources = {
    cpu: '64',
    memory: '512Gi',
    pods: '110',
    'ephemeral-storage': '1Ti',
    ...(node.gpus > 0 ? { 'nvidia.com/gpu': String(node.gpus) } : {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        type: 'kwok',
        ...(node.gpus > 0
          ? { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3', 'nvidia.com/gpu.memory': '81559' }
          : {}),
        ...node.labels,
      },
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
    status: { capacity: resources, allocatable: resources },
  };
}

export async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(
    Array.from({ length: count }, async () => {
      const probe = createServer();
      await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
      return probe;
    }),
  );
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
