import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { projectRoot } from '../journeys/harness.ts';
import { confined, own } from './confine.ts';
import type { Plane } from './plane.ts';

/** Pods with this annotation are left to the agent; kwok leaves them alone. */
export const forAgent = { 'llm-ops.test/fault': 'never-starts' };
const finalizer = 'llm-ops.test/agent';

type Json = any;

export interface EndedPod {
  name: string;
  component: string;
  /** exit code, or the signal that ended it */
  ended: number | string | null;
  /** ms from SIGTERM to the end */
  drainMs: number;
}

export interface NodeAgent {
  /** Addresses of the ready endpoints of a Service, as a proxy would know them. */
  addressesOf(service: string): Promise<string[]>;
  ended: EndedPod[];
  /** what a pod printed */
  logs: Map<string, string[]>;
  /** Folder of a claim or of a pod's own /data. */
  folderOf(name: string): string;
  stop(): Promise<void>;
}

interface Running {
  component: string;
  child: ChildProcess | null;
  port: number;
  ip: string;
  ready: boolean;
  ending: boolean;
}

/**
 * Does for the platform's own pods of a namespace what a kubelet does: runs their program on this machine with the environment, service
 * account, volumes, probes and termination that the pod names. No container: the program listens on a loopback port of its own instead of
 * on the pod's address. Where the tests run as root, it runs as the pod's user, without capabilities, on a read-only root file system.
 */
export async function startAgent(deps: { plane: Plane; namespace: string; folder: string }): Promise<NodeAgent> {
  const { plane, namespace, folder } = deps;
  const dispatcher = new Agent({ connect: { ca: plane.ca } });
  const pods = new Map<string, Running>();
  const ended: EndedPod[] = [];
  const logs = new Map<string, string[]>();
  let last = 0;
  let stopped = false;

  async function api(method: string, path: string, body?: object, type = 'application/json'): Promise<Json> {
    const answer = await fetch(`${plane.server}${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${plane.token}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const found = (await answer.json()) as Json;
    if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${found.message}`), { status: answer.status });
    return found;
  }
  const core = `/api/v1/namespaces/${namespace}`;
  const patch = (path: string, body: object) => api('PATCH', path, body, 'application/merge-patch+json');
  const folderOf = (name: string): string => join(folder, name);

  /** As the kubelet puts it together: what `envFrom` names, then `env`, then what stands for the network and the volumes. */
  async function environmentOf(
    pod: Json,
    container: Json,
    port: number,
    data: string,
  ): Promise<Record<string, string>> {
    const environment: Record<string, string> = {};
    const decode = (secret: Json, key: string) => Buffer.from(secret.data[key], 'base64').toString();
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef) Object.assign(environment, (await api('GET', `${core}/configmaps/${configMapRef.name}`)).data);
      if (!secretRef) continue;
      const secret = await api('GET', `${core}/secrets/${secretRef.name}`);
      for (const key of Object.keys(secret.data)) environment[key] = decode(secret, key);
    }
    for (const { name, value, valueFrom } of container.env ?? []) {
      const from = valueFrom?.secretKeyRef;
      environment[name] = from ? decode(await api('GET', `${core}/secrets/${from.name}`), from.key) : value;
    }
    const tmp = join(data, '..', 'tmp');
    // HOME is the image's
    Object.assign(environment, { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: data, TMPDIR: tmp, HOME: tmp });
    if (pod.spec.automountServiceAccountToken !== false) environment['KUBECONFIG_PATH'] = await kubeconfigOf(pod);
    return environment;
  }

  /** The pod's own service account, and nothing else. */
  async function kubeconfigOf(pod: Json): Promise<string> {
    const account = pod.spec.serviceAccountName;
    const { status } = await api('POST', `${core}/serviceaccounts/${account}/token`, { spec: {} });
    const file = folderOf(`${pod.metadata.name}.kubeconfig`);
    const cluster = { server: plane.server, 'certificate-authority-data': Buffer.from(plane.ca).toString('base64') };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'pod',
      clusters: [{ name: 'pod', cluster }],
      users: [{ name: 'pod', user: { token: status.token } }],
      contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod' } }],
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    own(file, pod);
    return file;
  }

  function tell(pod: Json, words: string): void {
    const { name } = pod.metadata;
    logs.set(name, [...(logs.get(name) ?? []), `agent: ${words}\n`]);
  }

  function dataOf(pod: Json): string {
    const claim = (pod.spec.volumes ?? []).find(({ name }: Json) => name === 'data')?.persistentVolumeClaim?.claimName;
    const home = folderOf(claim ?? pod.metadata.uid);
    for (const name of ['tmp', 'data']) {
      mkdirSync(join(home, name), { recursive: true });
      own(join(home, name), pod);
    }
    return join(home, 'data');
  }

  async function launch(pod: Json, running: Running): Promise<ChildProcess> {
    const [container] = pod.spec.containers;
    const data = dataOf(pod);
    const environment = await environmentOf(pod, container, running.port, data);
    const program = [process.execPath, ...(container.args ?? ['backend/src/main.ts'])];
    const [command, ...args] = confined(program, pod, container, [data, environment['TMPDIR']!]);
    const child = spawn(command!, args, {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...environment },
    });
    const lines = logs.get(pod.metadata.name) ?? [];
    logs.set(pod.metadata.name, lines);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => lines.push(text.toString()));
    return child;
  }

  const statusPath = (name: string) => `${core}/pods/${name}/status`;
  /** False when it could not be told, and has to be again. */
  async function report(pod: Json, running: Running, ready: boolean, restarts: number): Promise<boolean> {
    const lastTransitionTime = new Date().toISOString();
    const condition = (type: string) => ({ type, status: ready ? 'True' : 'False', lastTransitionTime });
    const [container] = pod.spec.containers;
    const state = { running: { startedAt: lastTransitionTime } };
    const { name, image } = container;
    try {
      await patch(statusPath(pod.metadata.name), {
        status: {
          phase: 'Running',
          podIP: running.ip,
          podIPs: [{ ip: running.ip }],
          conditions: [
            condition('Initialized'),
            condition('Ready'),
            condition('ContainersReady'),
            condition('PodScheduled'),
          ],
          containerStatuses: [{ name, image, imageID: '', restartCount: restarts, ready, started: true, state }],
        },
      });
      return true;
    } catch (error) {
      tell(pod, `status not told: ${(error as Error).message}`);
      return false;
    }
  }

  /** Once to its end. */
  async function runJob(pod: Json, running: Running): Promise<void> {
    const child = (running.child = await launch(pod, running));
    const code = await exitOf(child);
    await patch(statusPath(pod.metadata.name), { status: { phase: code === 0 ? 'Succeeded' : 'Failed' } }).catch(
      () => null,
    );
  }

  /** As long as the pod is wanted; started again when it ends by itself. */
  async function runService(pod: Json, running: Running): Promise<void> {
    const probe = pod.spec.containers[0].readinessProbe;
    for (let restarts = 0; !running.ending && !stopped; restarts++) {
      const child = (running.child = await launch(pod, running));
      const over = exitOf(child);
      let failures = 0;
      const isOver = () => child.exitCode !== null || child.signalCode !== null;
      while (!isOver() && !running.ending) {
        const answer = await probeOf(`http://127.0.0.1:${running.port}${probe.httpGet.path}`, probe.timeoutSeconds);
        failures = answer ? 0 : failures + 1;
        const ready = answer || (running.ready && failures < probe.failureThreshold);
        if (ready !== running.ready && (await report(pod, running, ready, restarts))) running.ready = ready;
        await Promise.race([over, wait(running.ready ? probe.periodSeconds * 1000 : 250)]);
      }
      if (running.ending) return;
      running.ready = false;
      await report(pod, running, false, restarts + 1);
      await wait(2_000);
    }
  }

  /** preStop, SIGTERM, patience as long as the pod asks for, then its object goes. */
  async function terminate(pod: Json, running: Running): Promise<void> {
    const { name } = pod.metadata;
    const { child } = running;
    const [container] = pod.spec.containers;
    const command = container.lifecycle?.preStop?.exec?.command as string[] | undefined;
    if (command !== undefined && child?.exitCode === null) await exitOf(spawn(command[0]!, command.slice(1)));
    const since = performance.now();
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), pod.spec.terminationGracePeriodSeconds * 1000);
      await exitOf(child);
      clearTimeout(late);
    }
    ended.push({
      name,
      component: running.component,
      ended: child?.exitCode ?? child?.signalCode ?? null,
      drainMs: performance.now() - since,
    });
    await patch(`${core}/pods/${name}`, { metadata: { finalizers: null } }).catch(() => null);
    await api('DELETE', `${core}/pods/${name}`, { gracePeriodSeconds: 0 }).catch(() => null);
  }

  async function look(): Promise<void> {
    const { items } = await api('GET', `${core}/pods?labelSelector=app.kubernetes.io/name=llm-ops`);
    for (const pod of items as Json[]) {
      const { uid, deletionTimestamp, finalizers = [] } = pod.metadata;
      const known = pods.get(uid);
      if (known === undefined && pod.spec.nodeName && deletionTimestamp === undefined) {
        last += 1;
        const component = pod.metadata.labels['app.kubernetes.io/component'];
        const running = {
          component,
          child: null,
          port: await freePort(),
          ip: `10.77.0.${last}`,
          ready: false,
          ending: false,
        };
        pods.set(uid, running);
        if (!finalizers.includes(finalizer))
          await patch(`${core}/pods/${pod.metadata.name}`, { metadata: { finalizers: [...finalizers, finalizer] } });
        void (component === 'migrate' ? runJob : runService)(pod, running).catch((error: Error) =>
          tell(pod, error.message),
        );
      } else if (known !== undefined && deletionTimestamp !== undefined && !known.ending) {
        known.ending = true;
        void terminate(pod, known);
      }
    }
  }

  // the pods' user passes through it
  chmodSync(folder, 0o755);
  const looking = (async () => {
    for (; !stopped; await wait(200)) await look().catch(() => null);
  })();

  return {
    ended,
    logs,
    folderOf,
    async addressesOf(service) {
      const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
      const { items } = await api('GET', `${path}?labelSelector=kubernetes.io/service-name=${service}`);
      const ready = (items as Json[])
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter(({ conditions }: Json) => conditions.ready && !conditions.terminating)
        .flatMap(({ addresses }: Json) => addresses as string[]);
      const known = [...pods.values()].filter(({ ip }) => ready.includes(ip));
      return known.map(({ port }) => `http://127.0.0.1:${port}`);
    },
    async stop() {
      stopped = true;
      await looking;
      const alive = [...pods.values()].flatMap(({ child }) =>
        child !== null && child.exitCode === null && child.signalCode === null ? [child] : [],
      );
      for (const child of alive) child.kill('SIGKILL');
      await Promise.all(alive.map(exitOf));
      await dispatcher.destroy();
    },
  };
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve));

async function probeOf(url: string, timeoutSeconds: number): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutSeconds * 1000) });
    await answer.text();
    return answer.ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
