import { factsOfConfig, parseObject } from './config.ts';
import { factsOfGguf, factsOfTensors, type FileFacts } from './facts.ts';
import { readGguf } from './gguf.ts';
import { scanPickle } from './pickle.ts';
import { InvalidFile, type RandomAccess } from './reader.ts';
import { readSafetensors, type Tensor } from './safetensors.ts';

export { combineFacts, isWeights, type FileFacts } from './facts.ts';
export type { RandomAccess } from './reader.ts';

const maxJsonBytes = 16 * 1024 * 1024;

export interface FileInspection {
  /** false: the file must not be served */
  sound: boolean;
  notes: string[];
  facts: FileFacts;
}

/**
 * Looks into a file by its headers alone, never loading it. What is wrong with the file itself is told in `notes` with `sound: false`;
 * what fails on the way (the store is down) is thrown.
 */
export async function inspectFile(path: string, reader: RandomAccess): Promise<FileInspection> {
  const kind = kindOf(path);
  try {
    return { sound: true, notes: [], ...(await look(kind, path, reader)) };
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    return { sound: false, notes: [error.message], facts: { kind } };
  }
}

/** Tensors by header: none for formats that would have to be loaded for that. */
export async function tensorsOf(kind: FileFacts['kind'], reader: RandomAccess): Promise<Tensor[]> {
  if (kind === 'safetensors') return (await readSafetensors(reader)).tensors;
  if (kind === 'gguf') return (await readGguf(reader)).tensors;
  return [];
}

function kindOf(path: string): FileFacts['kind'] {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (name.endsWith('.safetensors')) return 'safetensors';
  if (name.endsWith('.gguf')) return 'gguf';
  if (/\.(bin|pt|pth)$/.test(name)) return 'pickle';
  if (name.endsWith('.onnx')) return 'onnx';
  if (path === 'config.json') return 'config';
  if (path === 'tokenizer_config.json') return 'tokenizer-config';
  if (/^(tokenizer\.json|tokenizer\.model|vocab\.(json|txt)|spiece\.model)$/.test(path)) return 'tokenizer';
  if (/^chat_template\.(jinja|json)$/.test(path)) return 'template';
  return 'other';
}

async function look(
  kind: FileFacts['kind'],
  path: string,
  reader: RandomAccess,
): Promise<{ facts: FileFacts; notes?: string[]; sound?: boolean }> {
  switch (kind) {
    case 'safetensors': {
      const { dtypes, parameters } = factsOfTensors((await readSafetensors(reader)).tensors);
      return { facts: { kind, dtypes, facts: { parameters } } };
    }
    case 'gguf':
      return { facts: factsOfGguf(await readGguf(reader)) };
    case 'pickle':
      return lookAtPickle(reader);
    case 'config':
      return { facts: { kind, facts: factsOfConfig(await json(path, reader)) } };
    case 'tokenizer-config': {
      const { chat_template: template } = await json(path, reader);
      return { facts: { kind, facts: { chatTemplate: typeof template === 'string' || Array.isArray(template) } } };
    }
    default:
      return { facts: { kind } };
  }
}

async function lookAtPickle(reader: RandomAccess): Promise<{ facts: FileFacts; notes: string[]; sound: boolean }> {
  const { globals, dangerous, script } = await scanPickle(reader);
  const notes = [
    `A pickle: it can run code when loaded. It imports ${globals.length === 0 ? 'nothing' : some(globals)}.`,
    ...(script ? ['It holds TorchScript code.'] : []),
    ...(dangerous.length > 0 ? [`Dangerous: it imports ${some(dangerous)}, which weights never need.`] : []),
  ];
  return { facts: { kind: 'pickle' }, notes, sound: dangerous.length === 0 };
}

async function json(path: string, reader: RandomAccess): Promise<Record<string, unknown>> {
  if (reader.size > maxJsonBytes) throw new InvalidFile(`${path} is larger than 16 MiB.`);
  return parseObject(await reader.read(0, reader.size), path);
}

const some = (names: string[]) =>
  names.slice(0, 12).join(', ') + (names.length > 12 ? ` and ${names.length - 12} more` : '');
