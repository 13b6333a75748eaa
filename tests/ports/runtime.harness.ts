import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createLocalRuntime, createPython } from '../../backend/src/adapters/runtime/local/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import type { Address, Observation, RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';

export const PREFIX = 'models/m1/1.0/';
export const trainer = resolve(import.meta.dirname, '../../python/trainer');

export interface Place {
  folder: string;
  objects: Objects;
  remove(): Promise<void>;
}

/** An empty data folder and object store; removed by the caller. */
export async function createPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'runtime-'));
  const objects = await createFileObjects({ root: join(folder, 'objects') });
  return { folder, objects, remove: () => rm(folder, { recursive: true, force: true }) };
}

export type Options = Partial<Parameters<typeof createLocalRuntime>[0]>;

export function createRuntime({ folder, objects }: Place, options: Options = {}): Promise<Runtime> {
  const log = pino({ level: 'silent' });
  return createLocalRuntime({
    dataDir: join(folder, 'data'),
    objects,
    log,
    python: createPython({ root: trainer, dataDir: join(folder, 'data'), log }),
    restartBackoff: { firstMs: 50, maxMs: 400, resetAfterMs: 60_000 },
    ...options,
  });
}

/** Puts the files into the object store and describes a revision that serves them. */
export async function createSpec(
  { objects }: Place,
  files: Record<string, Buffer>,
  changes: Partial<RevisionSpec> = {},
): Promise<RevisionSpec> {
  const stored: RevisionSpec['model']['files'] = [];
  for (const [path, bytes] of Object.entries(files)) {
    await objects.put(PREFIX + path, Readable.from(bytes));
    stored.push({ path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  return {
    revisionId: 'r1',
    endpointId: 'e1',
    number: 1,
    environment: 'dev',
    route: '/tiny',
    model: {
      id: 'm1',
      name: 'tiny',
      version: '1.0',
      type: 'base',
      storageUri: 's3://models/m1/1.0/',
      prefix: PREFIX,
      files: stored,
      metadata: {},
      inspection: null,
    },
    image: 'llama.cpp',
    useGpu: false,
    gpuCount: 0,
    gpuType: null,
    minReplicas: 1,
    maxReplicas: 1,
    resources: { cpuRequest: '1', cpuLimit: '2', memoryRequest: '1Gi', memoryLimit: '2Gi' },
    args: [],
    env: {},
    contextLength: null,
    ...changes,
  };
}

/** Looks until it is so; fails with the last observation after `ms`. */
export async function until(
  runtime: Runtime,
  revisionId: string,
  so: (observation: Observation) => boolean,
  ms = 20_000,
): Promise<Observation> {
  const deadline = performance.now() + ms;
  for (;;) {
    const observation = await runtime.observe(revisionId);
    if (so(observation)) return observation;
    if (performance.now() > deadline) throw new Error(`not so after ${ms} ms: ${JSON.stringify(observation, null, 2)}`);
    await delay(20);
  }
}

export const ready = (observation: Observation): boolean => observation.phase === 'ready';

export function addressOf(runtime: Runtime, revisionId: string): Address {
  const address = runtime.address(revisionId);
  if (address === null) throw new Error('no address');
  return address;
}

export async function post(address: Address, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(address.baseUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...address.headers },
    body: JSON.stringify(body),
    signal,
  });
}

export interface Completion {
  choices: { text: string; message: { content: string }; delta: { content?: string }; finish_reason: string | null }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error: { message: string; type: string; code: string; param: string | null };
}

export async function complete(address: Address, path: string, body: unknown): Promise<Completion> {
  return (await (await post(address, path, body)).json()) as Completion;
}

/** The data lines of a stream, parsed; the last one must be `[DONE]`. */
export async function events(response: Response): Promise<Completion[]> {
  const lines = (await response.text()).split('\n\n').filter((line) => line !== '');
  if (lines.pop() !== 'data: [DONE]') throw new Error('the stream has no end');
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as Completion);
}

export interface Health {
  status: string;
  pid: number;
  active: number;
  queued: number;
  completionTokens: number;
}

export async function healthOf(address: Address): Promise<Health> {
  const response = await fetch(new URL('/health', address.baseUrl), { headers: address.headers });
  return (await response.json()) as Health;
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function untilGone(pid: number, ms = 5_000): Promise<number> {
  const start = performance.now();
  while (alive(pid)) {
    if (performance.now() - start > ms) throw new Error(`process ${pid} still lives after ${ms} ms`);
    await delay(20);
  }
  return performance.now() - start;
}
