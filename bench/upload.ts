/**
 * FR-001a-upload: a 2 GiB multipart upload through `receiveFiles` and the file objects, against `@fastify/multipart` writing and hashing the
 * same file. Prints CPU seconds and peak memory of the server process, a round of each in turn, and the ratio of the medians.
 * Usage: node bench/upload.ts [GiB=2] [rounds=3]
 */
import { fork, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

const MiB = 1024 * 1024;
const gibibytes = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 3);
const packages = ['fastify@5', '@fastify/multipart@10'];
const boundary = 'bench-boundary';
const chunk = randomBytes(MiB);

interface Figures {
  cpuSeconds: number;
  peakMiB: number;
  wallSeconds: number;
}

const expected = createHash('sha256');
for (let sent = 0; sent < gibibytes * 1024; sent++) expected.update(chunk);
const sha256 = expected.digest('hex');

const scratch = await mkdtemp(join(tmpdir(), 'llm-ops-bench-'));
try {
  await writeFile(join(scratch, 'package.json'), '{}');
  const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', ...packages], {
    cwd: scratch,
    stdio: 'inherit',
  });
  if (installed.status !== 0) throw new Error(`The comparison needs ${packages.join(' and ')} from the npm registry.`);
  const results: Record<string, Figures[]> = { ours: [], '@fastify/multipart': [] };
  for (let round = 1; round <= rounds; round++) {
    for (const variant of Object.keys(results)) {
      const figures = await measure(variant);
      results[variant]!.push(figures);
      const { cpuSeconds, peakMiB, wallSeconds } = figures;
      console.log(
        `round ${round}  ${variant.padEnd(18)}  ${cpuSeconds.toFixed(2)} CPU s  ${peakMiB.toFixed(0)} MiB peak  ${wallSeconds.toFixed(1)} s`,
      );
    }
  }
  const middle = (variant: string, figure: keyof Figures) =>
    results[variant]!.map((each) => each[figure]).toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
  const ours = middle('ours', 'cpuSeconds');
  const theirs = middle('@fastify/multipart', 'cpuSeconds');
  console.log(
    `${gibibytes} GiB, median of ${rounds}: ours ${ours.toFixed(2)} CPU s and ${middle('ours', 'peakMiB').toFixed(0)} MiB, ` +
      `@fastify/multipart ${theirs.toFixed(2)} CPU s and ${middle('@fastify/multipart', 'peakMiB').toFixed(0)} MiB, ratio ${(ours / theirs).toFixed(2)}`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function measure(variant: string): Promise<Figures> {
  const folder = await mkdtemp(join(scratch, 'files-'));
  const child = fork(join(import.meta.dirname, 'upload.server.ts'), [variant, folder, scratch]);
  try {
    const [{ port }] = await once(child, 'message');
    const started = performance.now();
    const answer = await upload(port);
    const wallSeconds = (performance.now() - started) / 1000;
    if (!answer.includes(sha256)) throw new Error(`${variant} answered ${answer}`);
    child.send('figures');
    const [figures] = await once(child, 'message');
    return { ...figures, wallSeconds };
  } finally {
    child.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function upload(port: number): Promise<string> {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="model.safetensors"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  const request = httpRequest({
    port,
    method: 'POST',
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': head.length + gibibytes * 1024 * MiB + tail.length,
    },
  });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(body(head, tail), { objectMode: false }), request);
  const [response] = await answered;
  return text(response);
}

async function* body(head: string, tail: string) {
  yield Buffer.from(head);
  for (let sent = 0; sent < gibibytes * 1024; sent++) yield chunk;
  yield Buffer.from(tail);
}
