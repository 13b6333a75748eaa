import { createHash } from 'node:crypto';
import { isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';

/** The files of a model's tokenizer. A buffer's memory may be handed over to the counting thread: nobody may use it afterwards. */
export interface TokenizerFiles {
  json: Buffer | string;
  config: Buffer | string | null;
}

export const maxTokenizerBytes = 32 * 1024 * 1024;
const maxConfigBytes = 4 * 1024 * 1024;

interface ModelFile {
  path: string;
  /** bytes */
  size: number;
  /** hex */
  sha256: string;
}

/** What is needed of the catalog: where the files of a model version lie. */
interface Catalog {
  /** Throws `model_not_found`. */
  getForServing(id: string): Promise<{ model: { prefix: string; files: readonly ModelFile[] } }>;
}

/** Reads the tokenizer among a model's own files; null: it has none (a provider's model, a GGUF file alone), or it is gone. */
export function createTokenizerSource({ catalog, objects }: { catalog: Catalog; objects: Pick<Objects, 'get'> }) {
  /** Into memory of its own, chunk by chunk. A tokenizer that is not the approved one would count wrong. */
  async function read(prefix: string, { path, size, sha256 }: ModelFile): Promise<Buffer> {
    const content = Buffer.allocUnsafeSlow(size);
    const hash = createHash('sha256');
    let at = 0;
    for await (const chunk of await objects.get(prefix + path)) {
      at += (chunk as Buffer).copy(content, at);
      hash.update(chunk as Buffer);
    }
    if (hash.digest('hex') !== sha256) throw new Error(`${path} is not what was approved: upload the files again.`);
    return content;
  }

  return async function tokenizerOf(modelId: string): Promise<TokenizerFiles | null> {
    const found = await catalog.getForServing(modelId).catch((error: unknown) => {
      if (isFailure(error, 'model_not_found')) return null;
      throw error;
    });
    if (found === null) return null;
    const { prefix, files } = found.model;
    const json = files.find(({ path, size }) => path === 'tokenizer.json' && size <= maxTokenizerBytes);
    const config = files.find(({ path, size }) => path === 'tokenizer_config.json' && size <= maxConfigBytes);
    if (json === undefined) return null;
    return {
      json: await read(prefix, json),
      config: config === undefined ? null : await read(prefix, config),
    };
  };
}
