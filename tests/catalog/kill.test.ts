import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { config, safetensors } from './files.ts';
import { card, personAt, until, type Json } from './world.ts';

const kills = Number(process.env['DRILL_KILLS'] ?? 4);
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

async function start(folder: string): Promise<{ api: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kill.child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [api] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { api, child };
}

it(`FR-001a: after kill -9 at ${kills} random points of upload, submit and approve nothing acknowledged is lost and nothing is stuck`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llmops-kill-'));
  /** what the server said it had: model → path → digest, and its status */
  const promised = new Map<string, { files: Map<string, string>; status: string }>();
  let { api, child } = await start(folder);
  try {
    for (let kill = 0; kill < kills; kill++) {
      const work = workUntilItBreaks(api, kill, promised);
      await sleep(30 + Math.random() * 400);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await work;
      ({ api, child } = await start(folder));
    }
    const ada = personAt(api, 'ada', 'researcher', 'nlp');
    for (const [id, { files, status }] of promised) {
      const model = await until(
        'nothing is stuck',
        async () => {
          const found = await ada.ask('GET', `/catalog/models/${id}`);
          return found.files.every((file: Json) => file.status === 'ready') && (found as Json);
        },
        40_000,
      );
      for (const { path, sha256: digest } of model.files) {
        const response = await fetch(`${api}/catalog/models/${id}/files/${path}`, { headers: ada.headers });
        assert.equal(
          sha256(new Uint8Array(await response.arrayBuffer())),
          digest,
          'digest and bytes are of one version',
        );
      }
      const names = model.files.map(({ path }: Json) => path);
      for (const path of files.keys()) assert.ok(names.includes(path), `${path} was acknowledged`);
      // a replacement under way when the server died may have arrived, which voids; anything else stays as it was promised
      if (status === 'approved')
        assert.ok(['approved', 'under_review', 'deprecated'].includes(model.status), model.status);
      if (status === 'under_review') assert.ok(['under_review', 'approved'].includes(model.status), model.status);
    }
    const names = (await ada.ask('GET', '/catalog/models?limit=200')).map(
      ({ name, version }: Json) => `${name} ${version}`,
    );
    assert.equal(new Set(names).size, names.length);
    assert.ok(promised.size > 0);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  }
});

/** Registers, uploads, replaces, submits and approves, one model after the other, noting what was acknowledged. */
async function workUntilItBreaks(
  api: string,
  round: number,
  promised: Map<string, { files: Map<string, string>; status: string }>,
): Promise<void> {
  const ada = personAt(api, 'ada', 'researcher', 'nlp');
  const grace = personAt(api, 'grace', 'reviewer', 'nlp');
  try {
    for (let number = 0; ; number++) {
      const { id } = await ada.ask('POST', '/catalog/models', {
        name: `kill-${round}-${number}`,
        version: '1',
        type: 'base',
        owner_team: 'nlp',
        metadata: card,
      });
      const known = { files: new Map<string, string>(), status: 'draft' };
      promised.set(id, known);
      for (const size of [1, 50_000, 200_000]) {
        const answer = await ada.upload(id, {
          'config.json': `${config}${' '.repeat(size % 7)}`,
          'model.safetensors': safetensors({ a: [size] }),
        });
        for (const file of answer.data.files) known.files.set(file.path, file.sha256);
        known.status = answer.data.status;
      }
      for (const [who, status] of [
        [ada, 'under_review'],
        [grace, 'approved'],
      ] as const) {
        await who.ask('PATCH', `/catalog/models/${id}/status`, { status });
        known.status = status;
      }
      await ada.upload(id, { 'model.safetensors': safetensors({ b: [3] }) });
      known.status = 'under_review';
    }
  } catch {
    // the server is gone
  }
}
