import type { Kysely } from 'kysely';
import { failure } from '#platform/errors';
import { unavailable, type Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import { decrypt, encrypt, pack, unpack } from './box.ts';
import { rotateFile, type SecretsKey } from './key.ts';
import * as store from './store.ts';

export type { SecretRow } from './store.ts';

export { pack, unpack } from './box.ts';
export { loadKeys, parseKey, type SecretsKey } from './key.ts';

const checkText = 'llm-ops secret check';
const aboutCheck = 'check';
const aboutOf = (owner: string, name: string) => `${owner}\u0000${name}`;

/** What is stored encrypted: written with the row it belongs to, never shown again over the API. */
export interface Secrets {
  /** id of the key in force */
  readonly keyId: string;
  /** Stores or replaces; `owner` names whose it is: `model:<id>`. */
  put(trx: store.Trx, owner: string, name: string, value: string): Promise<void>;
  /** null when there is none. Throws `secret_unreadable` for a changed one, `secrets_key_wrong` after a rotation elsewhere. */
  get(owner: string, name: string, trx?: store.Trx): Promise<string | null>;
  /** Stores only when there is none yet and returns the one that is there. */
  ensure(owner: string, name: string, make: () => string): Promise<string>;
  /** All of an owner. */
  remove(trx: store.Trx, owner: string): Promise<void>;
  /** Encrypts something kept elsewhere (an idempotent answer, a snapshot file). */
  seal(text: string): Buffer;
  /** Throws as `get`. */
  open(sealed: Buffer): string;
  /** Encrypts everything anew, all or nothing; other servers must then be started with the new key. Returns how many secrets. */
  rotate(next: SecretsKey): Promise<number>;
  /** The same for the key file of the embedded database, which gets a new random key. */
  rotateKeyFile(dataDir: string): Promise<number>;
}

/**
 * Opens the store of secrets. `keys`: those that may be right (`loadKeys`); the one that opens the check row is taken, and with a new
 * database the first. Throws `secrets_key_wrong` when none is. `kept`: what was read is known, still encrypted, while the database is
 * away; the key that the file is sealed with stands until it can say which one is right.
 */
export async function createSecrets(deps: {
  db: Pick<Db, 'kysely' | 'prepare' | 'away'>;
  keys: readonly [SecretsKey, ...SecretsKey[]];
  log: Logger;
  kept?: { key: SecretsKey | null; rows: Kept<store.SecretRow[]> };
}): Promise<Secrets> {
  const kysely = deps.db.kysely as unknown as Kysely<unknown>;
  const known = deps.kept && createKnown(deps.kept.rows, deps.db.away);
  let current = deps.kept?.key ?? deps.keys[0];
  await deps.db.prepare(async (ready) => {
    current = await agree(ready as unknown as Kysely<unknown>, deps.keys);
  });

  const openRow = (row: store.SecretRow) => {
    if (row.key_id !== current.id) throw failure('secrets_key_wrong');
    return decrypt(current, aboutOf(row.owner, row.name), row);
  };
  const rowOf = (key: SecretsKey, owner: string, name: string, value: string): store.SecretRow => ({
    owner,
    name,
    key_id: key.id,
    ...encrypt(key, aboutOf(owner, name), value),
  });

  async function rotate(next: SecretsKey): Promise<number> {
    const count = await kysely.transaction().execute(async (trx) => {
      const rows = await store.everySecret(trx);
      for (const row of rows) await store.writeSecret(trx, rowOf(next, row.owner, row.name, openRow(row)));
      for (const answer of await store.everySealedAnswer(trx)) {
        const sealed = pack(next, unpack(current, answer.response));
        await store.replaceSealedAnswer(trx, answer.scope, answer.key, sealed);
      }
      await store.replaceCheck(trx, { key_id: next.id, ...encrypt(next, aboutCheck, checkText) });
      return rows.length;
    });
    deps.log.info({ from: current.id, to: next.id, secrets: count }, 'changed the key of the secrets');
    current = next;
    return count;
  }

  return {
    get keyId() {
      return current.id;
    },
    put: (trx, owner, name, value) => store.writeSecret(trx, rowOf(current, owner, name, value)),
    async get(owner, name, trx) {
      const read = () => store.readSecret(trx ?? kysely, owner, name);
      const row = await (known === undefined || trx !== undefined ? read() : known(aboutOf(owner, name), read));
      return row && openRow(row);
    },
    async ensure(owner, name, make) {
      const known = await store.readSecret(kysely, owner, name);
      if (known) return openRow(known);
      await store.writeSecret(kysely, rowOf(current, owner, name, make()), { keep: true });
      return openRow((await store.readSecret(kysely, owner, name))!);
    },
    remove: (trx, owner) => store.removeSecrets(trx, owner),
    seal: (text) => pack(current, text),
    open: (sealed) => unpack(current, sealed),
    rotate,
    async rotateKeyFile(dataDir) {
      let count = 0;
      await rotateFile(dataDir, current, async (next) => {
        count = await rotate(next);
      });
      return count;
    },
  };
}

/** Reads, and tells what was read last while that cannot be. */
function createKnown(kept: Kept<store.SecretRow[]>, away: boolean) {
  const found = away ? (kept.found ?? []) : [];
  const rows = new Map(found.map((row) => [aboutOf(row.owner, row.name), row]));
  return async (about: string, read: () => Promise<store.SecretRow | null>): Promise<store.SecretRow | null> => {
    try {
      const row = await read();
      if (row === null) rows.delete(about);
      else rows.set(about, row);
      kept.learnt(() => [...rows.values()]);
      return row;
    } catch (error) {
      const row = rows.get(about);
      if (row === undefined || !unavailable(error)) throw error;
      return row;
    }
  };
}

async function agree(kysely: Kysely<unknown>, keys: readonly [SecretsKey, ...SecretsKey[]]): Promise<SecretsKey> {
  if (!(await store.readCheck(kysely))) {
    const fresh = { key_id: keys[0].id, ...encrypt(keys[0], aboutCheck, checkText) };
    await kysely.transaction().execute((trx) => store.writeCheck(trx, fresh));
  }
  const check = (await store.readCheck(kysely))!;
  const right = keys.find((key) => key.id === check.key_id);
  if (right && decrypt(right, aboutCheck, check) === checkText) return right;
  throw failure('secrets_key_wrong', {
    message: `The secrets of this database were encrypted with the key ${check.key_id}, not with ${keys[0].id}.`,
  });
}
