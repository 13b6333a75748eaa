import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lockDataDir, openDatabase } from '#platform/db';
import { createLog } from '#platform/log';

interface Outcome {
  code: number;
  out: string;
  error: string;
}

describe('llmops', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llm-ops-cli-'));
    await chmod(folder, 0o755);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function llmops(dataDir: string, args: string[], environment: Record<string, string> = {}): Promise<Outcome> {
    const env = { PATH: process.env.PATH, DATA_DIR: join(folder, dataDir), ...environment };
    const program = join(import.meta.dirname, 'llmops.ts');
    return new Promise((done) => {
      execFile(process.execPath, [program, ...args], { env, cwd: folder }, (error, out, stderr) => {
        done({ code: error ? Number(error.code) : 0, out, error: stderr });
      });
    });
  }

  it('migrates, backs up and restores the embedded database while no platform runs, and leaves no server behind', async () => {
    const migrated = await llmops('one', ['migrate']);
    assert.equal(migrated.code, 0, migrated.error);
    assert.match(migrated.out, /^Applied 0001_/);
    const made = await llmops('one', ['backup', join(folder, 'backups')]);
    assert.equal(made.code, 0, made.error);
    const [name] = await readdir(join(folder, 'backups'));
    assert.match(made.out, new RegExp(`Wrote .*${name}: `));
    const backup = join(folder, 'backups', name!);
    const restored = await llmops('two', ['restore', backup]);
    assert.equal(restored.code, 0, restored.error);
    assert.match(restored.out, /^Restored /);
    const again = await llmops('two', ['restore', backup]);
    assert.equal(again.code, 1);
    assert.match(again.error, /is not empty.*\n.*empty DATA_DIR/);
    assert.deepEqual(
      (await readdir(join(folder, 'two'))).filter((file) => file.endsWith('.pid')),
      [],
    );
    assert.ok(!(await readdir(join(folder, 'two', 'postgres'))).includes('postmaster.pid'));
  });

  it('visits the database of a running platform without stopping it; a restore is refused with its pid', async () => {
    const dataDir = join(folder, 'running');
    const lock = await lockDataDir(dataDir);
    const db = await openDatabase({ dataDir, log: createLog({ level: 'silent' }) });
    try {
      assert.equal((await llmops('running', ['migrate'])).code, 0);
      await db.check();
      const refused = await llmops('running', ['restore', folder]);
      assert.equal(refused.code, 75);
      assert.match(refused.error, new RegExp(`Process ${process.pid} already uses`));
    } finally {
      await db.close();
      await lock.release();
    }
  });

  it('tells wrong usage and wrong configuration from failure, and never prints a password', async () => {
    assert.equal((await llmops('three', ['backup'])).code, 2);
    assert.equal((await llmops('three', ['nonsense'])).code, 2);
    const wrong = await llmops('three', ['migrate'], { DATABASE_URL: 'mysql://root:hunter2@here/db' });
    assert.equal(wrong.code, 2);
    assert.match(wrong.error, /DATABASE_URL/);
    assert.doesNotMatch(wrong.error + wrong.out, /hunter2/);
    assert.equal((await llmops('three', ['--help'])).code, 0);
  });
});
