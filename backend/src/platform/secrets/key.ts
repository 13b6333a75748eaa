import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '#platform/errors';

/** 32 bytes and what they are called in the database. */
export interface SecretsKey {
  id: string;
  key: Buffer;
}

/** Throws `secrets_key_invalid`; the text is never part of the message. */
export function parseKey(text: string): SecretsKey {
  const given = text.trim();
  const key = /^[0-9a-fA-F]{64}$/.test(given) ? Buffer.from(given, 'hex') : Buffer.from(given, 'base64');
  if (key.length !== 32 || (!/^[0-9a-fA-F]{64}$/.test(given) && !/^[A-Za-z0-9+/_-]{43}=?$/.test(given))) {
    throw failure('secrets_key_invalid', {
      message: `SECRETS_KEY is ${given.length} characters, not 32 bytes in base64 (44) or hex (64).`,
    });
  }
  return { id: createHash('sha256').update('llm-ops key id').update(key).digest('hex').slice(0, 16), key };
}

const pathOf = (dataDir: string) => join(dataDir, 'secrets.key');

/**
 * The keys that may be the one: that of the environment, or with the embedded database that of a 0600 file in the data folder, which
 * is made when there is none (and the next one, where a rotation was interrupted). Throws `secrets_key_missing`, `secrets_key_invalid`.
 */
export async function loadKeys(options: {
  /** SECRETS_KEY */
  secretsKey: string | undefined;
  /** SECRETS_PREVIOUS_KEY: still right until `llmops secrets rotate` has run */
  previousKey?: string | undefined;
  dataDir: string;
  embedded: boolean;
}): Promise<[SecretsKey, ...SecretsKey[]]> {
  if (options.secretsKey) {
    return [parseKey(options.secretsKey), ...(options.previousKey ? [parseKey(options.previousKey)] : [])];
  }
  if (!options.embedded) throw failure('secrets_key_missing');
  const file = pathOf(options.dataDir);
  const texts = await Promise.all([file, `${file}.next`].map((path) => readFile(path, 'utf8').catch(missing)));
  if (texts[0] === null || texts[0] === undefined) return [parseKey(await writeNew(file))];
  return [parseKey(texts[0]), ...(texts[1] ? [parseKey(texts[1])] : [])];
}

/** Changes the key of the file: the new one is on disk before the database uses it, so that no crash loses it. */
export async function rotateFile(
  dataDir: string,
  current: SecretsKey,
  rotate: (next: SecretsKey) => Promise<void>,
): Promise<void> {
  const file = pathOf(dataDir);
  const interrupted = await readFile(`${file}.next`, 'utf8').catch(missing);
  // the database may have changed to it already: then it is the only key there is
  if (interrupted !== null && parseKey(interrupted).id === current.id) await rename(`${file}.next`, file);
  await rm(`${file}.next`, { force: true });
  await rotate(parseKey(await writeNew(`${file}.next`)));
  await rename(`${file}.next`, file);
}

async function writeNew(path: string): Promise<string> {
  const text = randomBytes(32).toString('base64');
  const handle = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return null;
    throw error;
  });
  // another process made it first
  if (!handle) return readFile(path, 'utf8');
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return text;
}

function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
