import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Kysely, Transaction } from 'kysely';
import { isFailure, type ErrorCode } from '../../backend/src/platform/errors/index.ts';
import { createSecrets, loadKeys, parseKey, type Secrets } from '../../backend/src/platform/secrets/index.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let secrets: Secrets;
const key = parseKey(randomBytes(32).toString('base64'));
const is = (code: ErrorCode) => (error: unknown) => isFailure(error, code);
const kysely = () => world.db.kysely as unknown as Kysely<unknown>;
const within = <T>(work: (trx: Transaction<unknown>) => Promise<T>) => kysely().transaction().execute(work);
const open = (...keys: [typeof key, ...(typeof key)[]]) => createSecrets({ db: world.db, keys, log: world.log });

before(async () => {
  world = await openWorld();
  secrets = await open(key);
});
after(() => world.close());

test('FR-001c: a secret is written with its owner, read back, replaced and removed', async () => {
  await within((trx) => secrets.put(trx, 'model:1', 'api_key', 'canary-7d1f'));
  assert.equal(await secrets.get('model:1', 'api_key'), 'canary-7d1f');
  await within((trx) => secrets.put(trx, 'model:1', 'api_key', 'canary-8e2a'));
  assert.equal(await secrets.get('model:1', 'api_key'), 'canary-8e2a');
  assert.equal(await secrets.get('model:2', 'api_key'), null);
  await within((trx) => secrets.remove(trx, 'model:1'));
  assert.equal(await secrets.get('model:1', 'api_key'), null);
  await assert.rejects(
    within(async (trx) => {
      await secrets.put(trx, 'model:3', 'api_key', 'x');
      throw new Error('rolled back');
    }),
  );
  assert.equal(await secrets.get('model:3', 'api_key'), null);
});

test('SEC: neither the database nor the log holds a value in clear', async () => {
  await within((trx) => secrets.put(trx, 'model:clear', 'api_key', 'canary-clear-text'));
  const { rows } = await world.db.pool.query(
    `select encode(ciphertext, 'escape') || encode(nonce, 'escape') as text from secret`,
  );
  assert.ok(rows.length > 0 && !rows.some(({ text }) => text.includes('canary')));
  assert.ok(!world.logged.join('').includes('canary'));
});

test('SEC: a changed ciphertext, or one copied to another owner or name, does not open', async () => {
  await within((trx) => secrets.put(trx, 'model:a', 'api_key', 'of a'));
  await within((trx) => secrets.put(trx, 'model:b', 'api_key', 'of b'));
  await world.db.pool.query(
    `update secret as b set nonce = a.nonce, ciphertext = a.ciphertext from secret as a where a.owner = 'model:a' and b.owner = 'model:b'`,
  );
  await assert.rejects(secrets.get('model:b', 'api_key'), is('secret_unreadable'));
  await world.db.pool.query(
    `update secret set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1) where owner = 'model:a'`,
  );
  await assert.rejects(secrets.get('model:a', 'api_key'), is('secret_unreadable'));
  await within(async (trx) => {
    await secrets.remove(trx, 'model:a');
    await secrets.remove(trx, 'model:b');
  });
});

test('SEC: an answer kept for Idempotency-Key is sealed; a changed one does not open', () => {
  const sealed = secrets.seal('{"key":"lo_once"}');
  assert.equal(secrets.open(sealed), '{"key":"lo_once"}');
  assert.notDeepEqual(secrets.seal('{"key":"lo_once"}'), sealed);
  sealed[sealed.length - 1]! ^= 1;
  assert.throws(() => secrets.open(sealed), is('secret_unreadable'));
});

test('SEC: a wrong key is refused at start', async () => {
  const wrong = parseKey(randomBytes(32).toString('hex'));
  await assert.rejects(open(wrong), is('secrets_key_wrong'));
});

test('SEC: two servers that start at once agree on one first key', async () => {
  await world.db.pool.query('begin; delete from secret_check; delete from secret; commit');
  const others = Array.from({ length: 6 }, () => parseKey(randomBytes(32).toString('hex')));
  const opened = await Promise.allSettled(others.map((one) => open(one)));
  assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 1);
  await world.db.pool.query('delete from secret_check');
  secrets = await open(key);
});

test('SEC: ensure makes a value once for everybody', async () => {
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, index) => secrets.ensure('audit', 'key', () => `made by ${index}`)),
  );
  assert.equal(new Set(made).size, 1);
});

test('SEC: rotation encrypts everything anew, sealed answers too, and the old key is refused afterwards', async () => {
  await within((trx) => secrets.put(trx, 'model:r', 'api_key', 'kept'));
  await world.db.pool.query(
    `insert into idempotency (scope, key, body_hash, response, sealed) values ('s', 'k', '', $1, true)`,
    [secrets.seal('answer')],
  );
  const next = parseKey(randomBytes(32).toString('base64'));
  assert.equal(await secrets.rotate(next), 2);
  assert.equal(await secrets.get('model:r', 'api_key'), 'kept');
  const { rows } = await world.db.pool.query('select response from idempotency');
  assert.equal(secrets.open(rows[0].response), 'answer');
  await assert.rejects(open(key), is('secrets_key_wrong'));
  // before the rotation has run, both are given
  const reopened = await open(parseKey(randomBytes(32).toString('hex')), next);
  assert.equal(reopened.keyId, next.id);
  secrets = reopened;
});

test('SEC: the embedded database gets a 0600 key file; a real one without a key does not start', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'llmops-key-'));
  try {
    const [first] = await loadKeys({ secretsKey: undefined, dataDir, embedded: true });
    const [again] = await loadKeys({ secretsKey: undefined, dataDir, embedded: true });
    assert.deepEqual(first, again);
    assert.equal((await stat(join(dataDir, 'secrets.key'))).mode & 0o777, 0o600);
    await assert.rejects(loadKeys({ secretsKey: undefined, dataDir, embedded: false }), is('secrets_key_missing'));
    for (const bad of ['short', 'x'.repeat(44), '!'.repeat(64), randomBytes(31).toString('base64')]) {
      const refused = loadKeys({ secretsKey: bad, dataDir, embedded: false });
      await assert.rejects(refused, (error: Error) => is('secrets_key_invalid')(error) && !error.message.includes(bad));
    }
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

test('SEC: rotating the key file survives an interruption after the database changed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'llmops-key-'));
  try {
    const [first] = await loadKeys({ secretsKey: undefined, dataDir, embedded: true });
    await secrets.rotate(first);
    await within((trx) => secrets.put(trx, 'model:f', 'api_key', 'kept'));
    await secrets.rotateKeyFile(dataDir);
    const text = await readFile(join(dataDir, 'secrets.key'), 'utf8');
    assert.equal(parseKey(text).id, secrets.keyId);
    // as after a crash between the commit and the rename: the key in force lies in the file beside
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(dataDir, 'secrets.key.next'), text, { mode: 0o600 });
    await writeFile(join(dataDir, 'secrets.key'), first.key.toString('base64'), { mode: 0o600 });
    const reopened = await open(...(await loadKeys({ secretsKey: undefined, dataDir, embedded: true })));
    assert.equal(await reopened.get('model:f', 'api_key'), 'kept');
    await reopened.rotateKeyFile(dataDir);
    const last = await open(...(await loadKeys({ secretsKey: undefined, dataDir, embedded: true })));
    assert.equal(await last.get('model:f', 'api_key'), 'kept');
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
