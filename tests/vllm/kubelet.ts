import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import type { Plane } from '../cluster/plane.ts';
import type { Json } from '../journeys/harness.ts';

/** A program of a pod, as the kubelet would start it. */
export interface Program {
  words: string[];
  environment: Record<string, string>;
}

export interface Kubelet {
  /** what pods printed, the last lines of each */
  logs: Map<string, string[]>;
  /** the program of each pod that was started, in order */
  started: Program[];
  stop(): Promise<void>;
}

const node = 'this-machine';

/**
 * A node that kwok does not know: pods that the scheduler puts there are started as programs of this machine, told ready by their readiness
 * probe, and ended by SIGTERM. `place` says how a program is run here, and where it listens.
 */
export async function startKubelet(deps: {
  plane: Plane;
  port: number;
  place(program: Program): { command: string; args: string[]; environment: Record<string, string> };
}): Promise<Kubelet> {
  const { plane, port } = deps;
  const dispatcher = new Agent({ connect: { ca: plane.ca } });
  const running = new Map<string, ChildProcess | null>();
  const logs = new Map<string, string[]>();
  const started: Program[] = [];
  let stopped = false;

  async function api(method: string, path: string, body?: object, type = 'application/json'): Promise<Json> {
    const answer = await fetch(`${plane.server}${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${plane.token}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const found = (await answer.json()) as Json;
    if (!answer.ok) throw new Error(`${method} ${path}: ${found.message}`);
    return found;
  }

  const capacity = { cpu: '8', memory: '16Gi', pods: '10', 'ephemeral-storage': '100Gi' };
  await api('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node, labels: { 'kubernetes.io/hostname': node, 'kubernetes.io/os': 'linux' } },
  });
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: new Date().toISOString() };
  const status = { capacity, allocatable: capacity, conditions: [ready] };
  await api('PATCH', `/api/v1/nodes/${node}/status`, { status }, 'application/merge-patch+json');

  /** References to config maps and secrets are followed, as in any container. */
  async function programOf(pod: Json): Promise<Program> {
    const [container] = pod.spec.containers;
    const core = `/api/v1/namespaces/${pod.metadata.namespace}`;
    const environment: Record<string, string> = {};
    for (const { name, value, valueFrom } of container.env ?? []) {
      const { secretKeyRef: secret, configMapKeyRef: map } = valueFrom ?? {};
      if (secret) {
        const { data } = await api('GET', `${core}/secrets/${secret.name}`);
        environment[name] = Buffer.from(data[secret.key], 'base64').toString();
      } else environment[name] = map ? (await api('GET', `${core}/configmaps/${map.name}`)).data[map.key] : value;
    }
    return { words: [...(container.command ?? []), ...(container.args ?? [])], environment };
  }

  const report = (pod: Json, isReady: boolean, state?: object) => {
    const at = new Date().toISOString();
    const condition = (type: string, is: boolean) => ({ type, status: is ? 'True' : 'False', lastTransitionTime: at });
    const [{ name, image }] = pod.spec.containers;
    const ip = '10.77.0.1';
    return api(
      'PATCH',
      `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/status`,
      {
        status: {
          phase: 'Running',
          podIP: ip,
          podIPs: [{ ip }],
          conditions: [
            ...['Initialized', 'PodScheduled'].map((type) => condition(type, true)),
            ...['Ready', 'ContainersReady'].map((type) => condition(type, isReady)),
          ],
          containerStatuses: [
            {
              name,
              image,
              imageID: '',
              restartCount: 0,
              ready: isReady,
              started: isReady,
              state: state ?? { running: { startedAt: at } },
              ...(state === undefined ? {} : { restartCount: 5 }),
            },
          ],
        },
      },
      'application/merge-patch+json',
    );
  };

  async function run(pod: Json): Promise<void> {
    const program = await programOf(pod);
    started.push(program);
    const { command, args, environment } = deps.place(program);
    const lines: string[] = [];
    logs.set(pod.metadata.name, lines);
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.set(pod.metadata.uid, child);
    child.on('error', (error) => lines.push(`kubelet: ${error.message}\n`));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        lines.push(text.toString());
        if (lines.length > 500) lines.splice(0, 100);
      });
    await report(pod, false);
    const { path } = pod.spec.containers[0].readinessProbe.httpGet;
    for (let was = false; child.exitCode === null && child.signalCode === null; await wait(500)) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) }).catch(
        () => null,
      );
      await answer?.text();
      const is = answer?.ok === true;
      if (is !== was) await report(pod, is).then(() => (was = is));
    }
    // not started again: whoever waits for it is told at once
    const reason = 'CrashLoopBackOff';
    if (!stopped) await report(pod, false, { waiting: { reason, message: lines.join('').slice(-1_000) } });
  }

  async function look(): Promise<void> {
    const { items } = await api('GET', `/api/v1/pods?fieldSelector=spec.nodeName=${node}`);
    for (const pod of items as Json[]) {
      const { uid, name, namespace, deletionTimestamp } = pod.metadata;
      if (!running.has(uid) && deletionTimestamp === undefined) {
        running.set(uid, null);
        void run(pod).catch((error: Error) =>
          logs.set(name, [...(logs.get(name) ?? []), `kubelet: ${error.message}\n`]),
        );
      } else if (deletionTimestamp !== undefined) {
        await end(running.get(uid) ?? null);
        await api('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 }).catch(
          () => null,
        );
      }
    }
  }

  const looking = (async () => {
    for (; !stopped; await wait(500)) await look().catch(() => null);
  })();

  return {
    logs,
    started,
    async stop() {
      stopped = true;
      await looking;
      await Promise.all([...running.values()].map(end));
      await dispatcher.destroy();
    },
  };
}

/** With all that it has started: its workers are in its process group. */
async function end(child: ChildProcess | null): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // it has ended by itself
    }
  };
  signal('SIGTERM');
  await Promise.race([ended, wait(20_000)]);
  signal('SIGKILL');
  await ended;
}
