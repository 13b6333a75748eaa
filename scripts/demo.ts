import { spawn, type ChildProcess } from 'node:child_process';
import { openAsBlob, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';

/** The first journey through the public API: from model files to a streamed chat answer. Leaves the platform running. */
const port = process.env['PORT'] ?? '8000';
const base = `http://127.0.0.1:${port}`;
const api = `${base}/llm-ops/v1`;
const sample = path.resolve(import.meta.dirname, '../examples/models/glossary-llama');
const team = 'platform';
const people = {
  researcher: { 'x-user-id': 'ada', 'x-user-roles': 'researcher', 'x-user-team': team },
  reviewer: { 'x-user-id': 'grace', 'x-user-roles': 'reviewer', 'x-user-team': team },
  developer: { 'x-user-id': 'linus', 'x-user-roles': 'developer', 'x-user-team': team },
};
type Person = keyof typeof people;

interface Reply<T> {
  status: 'success' | 'fail';
  message: string;
  data: T & { code?: string; issues?: { path: string; message: string }[]; remedy?: string };
}

const started = Date.now();
const server = await startPlatform();
try {
  await journey();
} catch (error) {
  console.error(`\n✗ ${error instanceof Error ? error.message : String(error)}`);
  server?.kill('SIGTERM');
  process.exitCode = 1;
}
if (server !== null && process.exitCode === undefined) {
  console.log(`\nEverything keeps running at ${base} – Ctrl-C ends it.`);
  await new Promise((resolve) => server.once('exit', resolve));
}

async function journey(): Promise<void> {
  const model = await step('Register the sample model with its card and lineage', registerModel);
  await step('Upload its files', () => uploadFiles(model));
  await step('Submit it for review', () => submit(model));
  await step('Approve it as another person', () => approve(model));
  await step('Preflight: would it fit?', () => preflight(model));
  const endpoint = await step('Deploy to dev', () => deploy(model));
  await step('Wait for healthy', () => waitForHealthy(endpoint));
  await step('Verify with a test completion', () => verify(endpoint));
  await step('Chat', () => chat('What is a revision?'));
}

async function step<T>(title: string, work: () => Promise<{ value: T; said: string }>): Promise<T> {
  const from = Date.now();
  process.stdout.write(`• ${title} … `);
  const { value, said } = await work();
  console.log(`${said} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
  return value;
}

async function call<T>(person: Person, method: string, route: string, body?: unknown): Promise<Reply<T>> {
  const headers: Record<string, string> = { ...people[person] };
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers['content-type'] = 'application/json';
  const response = await fetch(`${api}${route}`, {
    method,
    headers,
    body: body === undefined ? null : isForm ? body : JSON.stringify(body),
  });
  return (await response.json()) as Reply<T>;
}

async function ask<T>(person: Person, method: string, route: string, body?: unknown): Promise<T> {
  const reply = await call<T>(person, method, route, body);
  if (reply.status === 'success') return reply.data;
  const issues = (reply.data.issues ?? []).map((issue) => `\n    ${issue.path}: ${issue.message}`).join('');
  throw new Error(`${method} ${route}: ${reply.message}${issues}\n    ${reply.data.remedy ?? ''}`);
}

interface Model {
  id: string;
  status: string;
  files: { path: string; size: number; status: string }[];
}

async function registerModel() {
  const list = await ask<Model[]>('researcher', 'GET', '/catalog/models?name=glossary-llama&limit=1');
  const known = list[0];
  if (known !== undefined) return { value: known, said: `found again: ${known.id}, ${known.status}` };
  const card = readFileSync(path.join(sample, 'README.md'), 'utf8');
  const model = await ask<Model>('researcher', 'POST', '/catalog/models', {
    name: 'glossary-llama',
    version: '1.0.0',
    type: 'base',
    owner_team: team,
    model_family: 'llama',
    metadata: {
      description: 'A very small Llama that explains the terms of this platform.',
      intended_use: 'Trying out the platform: it answers questions about its own vocabulary and nothing else.',
      limitations: 'About a million parameters: off its glossary it makes things up.',
      license: 'Apache-2.0',
      training_data: 'python/trainer/data/glossary.jsonl',
      card,
    },
  });
  return { value: model, said: model.id };
}

async function uploadFiles(model: Model) {
  if (model.files.length > 0) return { value: null, said: `${model.files.length} files are there` };
  const form = new FormData();
  const names = readdirSync(sample).filter(
    (name) => statSync(path.join(sample, name)).isFile() && /\.(json|safetensors|jinja|md|txt)$/.test(name),
  );
  for (const name of names) form.append('files', await openAsBlob(path.join(sample, name)), name);
  const { files } = await ask<{ files: Model['files'] }>(
    'researcher',
    'POST',
    `/catalog/models/${model.id}/upload`,
    form,
  );
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return { value: null, said: `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB` };
}

async function statusOf(model: Model): Promise<string> {
  return (await ask<Model>('researcher', 'GET', `/catalog/models/${model.id}`)).status;
}

async function submit(model: Model) {
  const status = await statusOf(model);
  if (status !== 'draft') return { value: null, said: `is ${status}` };
  const { status: next } = await ask<Model>('researcher', 'PATCH', `/catalog/models/${model.id}/status`, {
    status: 'pending_review',
  });
  return { value: null, said: next };
}

async function approve(model: Model) {
  if ((await statusOf(model)) === 'approved') return { value: null, said: 'is approved' };
  const { status } = await ask<Model>('reviewer', 'POST', `/catalog/models/${model.id}/versions/1.0.0/approve`, {
    decision: 'approve',
    notes: 'Card and files are in order.',
  });
  return { value: null, said: `${status} by ${people.reviewer['x-user-id']}` };
}

async function preflight(model: Model) {
  interface Preflight {
    level: string;
    checks: { level: string; message: string }[];
    memory: { requiredBytes: number; freeBytes: number | null } | null;
  }
  const result = await ask<Preflight>('developer', 'POST', '/serving/preflight', {
    modelId: model.id,
    environment: 'dev',
    useGpu: false,
  });
  const needs =
    result.memory === null
      ? ''
      : `, needs ${(result.memory.requiredBytes / 1e6).toFixed(0)} MB of ${((result.memory.freeBytes ?? 0) / 1e9).toFixed(1)} GB`;
  const worst = result.checks.find((check) => check.level === 'red');
  return { value: null, said: `${result.level}${needs}${worst === undefined ? '' : `: ${worst.message}`}` };
}

interface Endpoint {
  id: string;
  status: string;
  route: string;
  conditions: { reason: string; message: string; remedy: string }[];
}

async function deploy(model: Model) {
  const endpoints = await ask<Endpoint[]>('developer', 'GET', `/serving/endpoints?environment=dev&modelId=${model.id}`);
  const known = endpoints.find((endpoint) => endpoint.route === '/glossary');
  if (known !== undefined) return { value: known, said: `found again: ${known.id}` };
  const endpoint = await ask<Endpoint>('developer', 'POST', '/serving/endpoints', {
    modelId: model.id,
    version: '1.0.0',
    environment: 'dev',
    route: '/glossary',
    minReplicas: 1,
    maxReplicas: 1,
    useGpu: false,
  });
  return { value: endpoint, said: endpoint.id };
}

async function waitForHealthy(endpoint: Endpoint) {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await sleep(250)) {
    const now = await ask<Endpoint>('developer', 'GET', `/serving/endpoints/${endpoint.id}`);
    if (now.status === 'healthy') return { value: null, said: 'healthy' };
    if (now.status === 'failed')
      throw new Error(
        now.conditions
          .map((condition) => `${condition.reason}: ${condition.message} ${condition.remedy}`)
          .join('\n    '),
      );
  }
  throw new Error('The endpoint was not healthy within five minutes: see its page.');
}

async function verify(endpoint: Endpoint) {
  const result = await ask<{ ok: boolean; message: string; latencyMs: number }>(
    'developer',
    'POST',
    `/serving/endpoints/${endpoint.id}/verify`,
    {},
  );
  if (!result.ok) throw new Error(result.message);
  return { value: null, said: `answered in ${result.latencyMs} ms` };
}

async function chat(question: string) {
  const from = performance.now();
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'glossary',
      messages: [{ role: 'user', content: question }],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      max_tokens: 120,
    }),
  });
  if (!response.ok || response.body === null)
    throw new Error(`Chat failed with ${response.status}: ${await response.text()}`);
  process.stdout.write(`\n\n    ${question}\n    `);
  let firstToken = 0;
  let usage = { prompt_tokens: 0, completion_tokens: 0 };
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body) {
    rest += decoder.decode(bytes, { stream: true });
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.replace(/^data: /, '');
      if (data === '[DONE]') continue;
      const chunk = JSON.parse(data) as { choices: { delta: { content?: string } }[]; usage?: typeof usage };
      const text = chunk.choices[0]?.delta.content ?? '';
      if (text !== '' && firstToken === 0) firstToken = performance.now() - from;
      process.stdout.write(text);
      usage = chunk.usage ?? usage;
    }
  }
  process.stdout.write('\n\n    ');
  return {
    value: null,
    said: `${usage.prompt_tokens} + ${usage.completion_tokens} tokens, first after ${firstToken.toFixed(0)} ms, all after ${(performance.now() - from).toFixed(0)} ms`,
  };
}

/** null when a platform is running here already. */
async function startPlatform(): Promise<ChildProcess | null> {
  if (await isReady()) {
    console.log(`A platform is running at ${base}: using it.`);
    return null;
  }
  console.log(`Starting the platform on ${base} …`);
  const child = spawn(process.execPath, [path.resolve(import.meta.dirname, '../backend/src/main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: port, LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn' },
  });
  createInterface({ input: child.stdout! }).on('line', (line) => console.log(line));
  // Ctrl-C reaches the child by the terminal as well; waiting for it here lets it end its own children first.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`The platform ended with ${child.exitCode}.`);
    if (await isReady()) {
      console.log(`Ready after ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
      return child;
    }
  }
  child.kill('SIGTERM');
  throw new Error('The platform was not ready within a minute.');
}

async function isReady(): Promise<boolean> {
  try {
    return (await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
