import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Kysely } from 'kysely';
import type { Identity } from '../../backend/src/platform/access/index.ts';
import {
  createSealer,
  loadAuditKeys,
  recordAudit,
  verifyAudit,
  type AuditHead,
  type AuditSealer,
} from '../../backend/src/platform/audit/index.ts';
import { createSecrets, parseKey } from '../../backend/src/platform/secrets/index.ts';
import { eventually, openWorld, type World } from './world.ts';

const ada: Identity = {
  kind: 'header',
  userId: 'ada',
  displayName: 'Ada',
  roles: ['admin'],
  teams: '*',
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
};
const key = { id: 'k1', key: randomBytes(32) };
let world: World;
let head: AuditHead | null = null;
let sealer: AuditSealer;
const sql = (text: string, values: unknown[] = []) => world.db.pool.query(text, values);
const kysely = () => world.db.kysely as unknown as Kysely<unknown>;
const verify = () => verifyAudit({ db: world.db, keys: [key], head });
const add = (count: number) =>
  kysely()
    .transaction()
    .execute(async (trx) => {
      for (let index = 0; index < count; index += 1) {
        const detail = { index, name: 'ünï', nested: { b: 1, a: [1.5, null] } };
        await recordAudit(trx, ada, {
          action: 'model.create',
          resourceType: 'model',
          resourceId: String(index),
          result: 'allowed',
          detail,
        });
      }
    });
const make = (exportHead = async (next: AuditHead) => void (head = next)) =>
  createSealer({ db: world.db, key: key.key, keyId: key.id, log: world.log, exportHead });

before(async () => {
  world = await openWorld();
});
after(async () => {
  await sealer.stop();
  await world.close();
});
beforeEach(async () => {
  await sealer?.stop();
  await sql('truncate audit_entry, audit_seal, audit_unsealed');
  head = null;
  sealer = make();
  sealer.start();
});

test('FR-010: committed entries are chained within a second or two, gapless, and verify', async () => {
  await add(3);
  await eventually(async () => (await verify()).sealed === 3, 3_000);
  await add(2_500);
  await sealer.sealNow();
  const verdict = await verify();
  assert.deepEqual({ ...verdict, head: null }, { ok: true, sealed: 2503, unsealed: 0, firstBroken: null, head: null });
  assert.equal(verdict.head, head?.hash);
});

test('FR-010: an entry that commits late is sealed all the same, in whatever order', async () => {
  const late = await world.db.pool.connect();
  await late.query('begin');
  const first = `insert into audit_entry (id, actor_id, actor_kind, action, resource_type, result)
    values ('00000000-0000-7000-8000-000000000001', 'bob', 'header', 'x', 'model', 'allowed')`;
  await late.query(first);
  await add(2);
  await sealer.sealNow();
  assert.equal((await verify()).sealed, 2);
  await late.query('commit');
  late.release();
  await sealer.sealNow();
  const verdict = await verify();
  assert.deepEqual([verdict.ok, verdict.sealed, verdict.unsealed], [true, 3, 0]);
});

test('FR-010: several servers seal one chain', async () => {
  const others = [make(), make()];
  await Promise.all([add(50), add(50), add(50)]);
  await Promise.all([sealer, ...others].map((one) => one.sealNow()));
  await add(10);
  await Promise.all([sealer, ...others].map((one) => one.sealNow()));
  for (const one of others) await one.stop();
  const verdict = await verify();
  assert.deepEqual([verdict.ok, verdict.sealed], [true, 160]);
});

const tampering: [string, string, number, RegExp][] = [
  ['a changed actor', `update audit_entry set actor_id = 'eve' where id = ID(3)`, 3, /changed/],
  ['a changed detail', `update audit_entry set detail = detail || '{"index": 9}' where id = ID(2)`, 2, /changed/],
  [
    'a time moved by a microsecond',
    `update audit_entry set at = at + interval '1 microsecond' where id = ID(4)`,
    4,
    /changed/,
  ],
  ['a denial made an allowance', `update audit_entry set result = 'denied' where id = ID(1)`, 1, /changed/],
  ['a role taken away', `update audit_entry set roles = '{}' where id = ID(5)`, 5, /changed/],
  ['a deleted entry', `delete from audit_entry where id = ID(3)`, 3, /deleted/],
  [
    'an entry deleted with its seal',
    `with gone as (delete from audit_seal where sequence = 3 returning entry_id)
     delete from audit_entry where id in (select entry_id from gone)`,
    3,
    /removed/,
  ],
  [
    'a cut-off tail',
    `with gone as (delete from audit_seal where sequence > 3 returning entry_id)
     delete from audit_entry where id in (select entry_id from gone)`,
    4,
    /cut off/,
  ],
  [
    'two entries swapped',
    `update audit_seal set entry_id = case sequence when 2 then ID(3) else ID(2) end where sequence in (2, 3)`,
    2,
    /changed/,
  ],
  ['a forged seal', `update audit_seal set hash = sha256('x') where sequence = 5`, 5, /changed/],
  ['a seal of another key', `update audit_seal set key_id = 'k0' where sequence = 2`, 2, /unknown key/],
];
/** Whose id is named where that of the place itself is gone: the one after it, the exported end, the one that lies there now. */
const named: Record<string, number> = {
  'an entry deleted with its seal': 4,
  'a cut-off tail': 5,
  'two entries swapped': 3,
};
for (const [what, statement, sequence, reason] of tampering) {
  test(`FR-010: verify names the first broken entry: ${what}`, async () => {
    await add(5);
    await sealer.sealNow();
    const { rows } = await sql('select sequence, entry_id from audit_seal order by sequence');
    await sql('alter table audit_seal drop constraint if exists audit_seal_entry_id_key');
    await sql(statement.replace(/ID\((\d)\)/g, (_, number) => `'${rows[number - 1].entry_id}'::uuid`));
    const verdict = await verify();
    assert.equal(verdict.ok, false);
    assert.equal(verdict.firstBroken?.sequence, sequence);
    assert.equal(verdict.firstBroken?.id, rows[(named[what] ?? sequence) - 1].entry_id);
    assert.match(verdict.firstBroken?.reason ?? '', reason);
  });
}

test('FR-010: a tail that was cut off and grown again is not the one that was sealed', async () => {
  await add(5);
  await sealer.sealNow();
  const exported = head;
  await sql(
    'with gone as (delete from audit_seal where sequence > 3 returning entry_id) delete from audit_entry where id in (select entry_id from gone)',
  );
  await add(4);
  await sealer.sealNow();
  const verdict = await verifyAudit({ db: world.db, keys: [key], head: exported });
  assert.match(verdict.firstBroken?.reason ?? '', /another entry/);
  assert.equal(verdict.firstBroken?.sequence, 5);
});

test('FR-010: the unsealed tail is reported, and what vanished before it was sealed', async () => {
  await sealer.stop();
  await add(3);
  assert.deepEqual(await verify(), { ok: true, sealed: 0, unsealed: 3, firstBroken: null, head: null });
  await sql('delete from audit_entry where id = (select min(id::text)::uuid from audit_entry)');
  const verdict = await verify();
  assert.deepEqual([verdict.unsealed, verdict.firstBroken?.reason], [2, 'deleted before it was sealed']);
});

test('FR-010: a head that could not be exported is exported later', async () => {
  await sealer.stop();
  let fails = true;
  let seen: AuditHead | null = null;
  sealer = make(async (next) => {
    if (fails) throw new Error('the object store is down');
    seen = next;
  });
  sealer.start();
  await add(1);
  await assert.rejects(sealer.sealNow());
  fails = false;
  await eventually(() => seen, 3_000);
  assert.equal((await verify()).ok, true);
});

test('FR-010: the key of the chain is kept encrypted and survives a rotation of SECRETS_KEY', async () => {
  const secrets = await createSecrets({
    db: world.db,
    keys: [parseKey(randomBytes(32).toString('hex'))],
    log: world.log,
  });
  const [one] = await loadAuditKeys(secrets);
  await secrets.rotate(parseKey(randomBytes(32).toString('hex')));
  assert.deepEqual((await loadAuditKeys(secrets))[0], one);
  const configured = await loadAuditKeys(secrets, 'a key from the environment');
  assert.notEqual(configured[0].id, one.id);
  assert.deepEqual(configured[1], one);
});
