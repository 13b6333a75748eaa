import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openAsBlob, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const projectRoot = path.resolve(import.meta.dirname, '../..');
export const sampleModel = path.join(projectRoot, 'examples/models/glossary-llama');

export interface RunningPlatform {
  /** `http://127.0.0.1:PORT` */
  url: string;
  api: string;
  dataDir: string;
  process: ChildProcess;
  log: string[];
  /** SIGTERM, waits for the end and removes the data folder. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would; the data folder stays. */
  kill(): Promise<void>;
}

/** Starts the real server in a child process, with everything in a folder of its own, on a free port. */
export async function startPlatform(
  environment: Record<string, string> = {},
  dataDir: string = mkdtempSync(path.join(tmpdir(), 'llm-ops-')),
): Promise<RunningPlatform> {
  const log: string[] = [];
  // as `npm start` does: see docs/decisions/0016
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=8', '--heap-growing-percent=30', path.join(projectRoot, 'backend/src/main.ts')],
    {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: path.join(projectRoot, 'node_modules/.cache/compile'),
        PORT: '0',
        DATA_DIR: dataDir,
        LOG_LEVEL: 'info',
        SERVING_WATCH_SECONDS: '0',
        LLMOPS_PYTHON: process.env['LLMOPS_TEST_PYTHON'] ?? '',
        ...environment,
      },
    },
  );
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The platform was not ready within 60 s:\n${log.slice(-40).join('\n')}`)),
      60_000,
    );
    const read = (line: string): void => {
      log.push(line);
      const found = /is ready at (http:\S+)/.exec(line)?.[1];
      if (found !== undefined) {
        clearTimeout(timer);
        resolve(found);
      }
    };
    createInterface({ input: child.stdout }).on('line', read);
    createInterface({ input: child.stderr }).on('line', read);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`The platform ended (${code ?? signal}):\n${log.slice(-40).join('\n')}`));
    });
  });
  return {
    url,
    api: `${url}/llm-ops/v1`,
    dataDir,
    process: child,
    log,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended;
      rmSync(dataDir, { recursive: true, force: true });
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export type Person = Record<string, string>;
export const person = (id: string, roles: string, team?: string): Person => ({
  'x-user-id': id,
  'x-user-roles': roles,
  ...(team === undefined ? {} : { 'x-user-team': team }),
});
export const people = {
  researcher: person('ada', 'researcher', 'platform'),
  reviewer: person('grace', 'reviewer', 'platform'),
  developer: person('linus', 'developer', 'platform'),
  operator: person('margaret', 'operator', 'platform'),
  admin: person('root', 'admin'),
};

/** Answers are read as the documents show them; a wrong field fails the assertion that names it. */
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: { status: string; message: string; data: Json };
}

/** One call with its envelope, whatever its outcome. */
export async function call(
  api: string,
  who: Person,
  method: string,
  route: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${api}${route}`, {
    method,
    headers: { ...who, ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? null : isForm ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isFile = response.ok && !(response.headers.get('content-type') ?? '').startsWith('application/json');
  const parsed = isFile ? { status: 'success', message: 'a file', data: text } : (JSON.parse(text) as Answer['body']);
  return { status: response.status, headers: response.headers, body: parsed };
}

/** One call that must succeed; answers its data. */
export async function ask(api: string, who: Person, method: string, route: string, body?: unknown): Promise<Json> {
  const answer = await call(api, who, method, route, body);
  if (answer.status !== 200) throw new Error(`${method} ${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.data;
}

export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(100)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${timeoutMs} ms.`);
}

export async function sampleForm(): Promise<FormData> {
  const form = new FormData();
  for (const name of readdirSync(sampleModel))
    form.append('files', await openAsBlob(path.join(sampleModel, name)), name);
  return form;
}

/** The sample model, registered, uploaded, submitted and approved. */
export async function approvedModel(api: string, name: string, version = '1.0.0'): Promise<Json> {
  const model = await ask(api, people.researcher, 'POST', '/catalog/models', {
    name,
    version,
    type: 'base',
    owner_team: 'platform',
    metadata: { description: 'A small Llama for tests.' },
  });
  await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/upload`, await sampleForm());
  await ask(api, people.researcher, 'PATCH', `/catalog/models/${model.id}/status`, { status: 'pending_review' });
  return ask(api, people.reviewer, 'POST', `/catalog/models/${model.id}/versions/${version}/approve`, {
    decision: 'approve',
  });
}

export async function healthyEndpoint(api: string, modelId: string, route: string, environment = 'dev'): Promise<Json> {
  const endpoint = await ask(api, people.operator, 'POST', '/serving/endpoints', {
    modelId,
    environment,
    route,
    useGpu: false,
    rollbackPlan: 'Roll back to the previous revision.',
  });
  return untilStatus(api, endpoint.id, 'healthy');
}

export async function untilStatus(api: string, endpointId: string, status: string, timeoutMs = 90_000): Promise<Json> {
  return until(
    `endpoint ${status}`,
    async () => {
      const endpoint = await ask(api, people.operator, 'GET', `/serving/endpoints/${endpointId}`);
      if (endpoint.status === 'failed' && status !== 'failed') throw new Error(JSON.stringify(endpoint.conditions));
      return endpoint.status === status ? endpoint : null;
    },
    timeoutMs,
  );
}
