import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { provisionPython } from '../../scripts/provision/python.ts';

export const root = join(import.meta.dirname, '..', '..');
const trainer = join(root, 'python', 'trainer');
export const glossaryModel = join(root, 'examples', 'models', 'glossary-llama');

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

const environments = new Map<string, Promise<string>>();

function environment(requirements: string): Promise<string> {
  const made = environments.get(requirements) ?? provisionPython(join(trainer, requirements));
  environments.set(requirements, made);
  return made;
}

/** Runs Python with what `requirements` (a file in python/trainer) lists. A failing program is an outcome, not an error. */
export async function python(requirements: string, args: string[]): Promise<Outcome> {
  const interpreter = await environment(requirements);
  const env = { ...process.env, OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  return promisify(execFile)(interpreter, args, { cwd: trainer, env, maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code?: unknown; stdout?: string; stderr?: string }) => {
      if (typeof error.code !== 'number') throw error;
      return { code: error.code, stdout: error.stdout ?? '', stderr: error.stderr ?? '' };
    },
  );
}

export function convert(source: string, output: string, dtype: 'f16' | 'f32' = 'f32'): Promise<Outcome> {
  const options = ['--source', source, '--output', output, '--dtype', dtype];
  return python('requirements-convert.txt', ['-m', 'llmops_trainer.convert', ...options]);
}

/** The tiny models of tests/python/tiny.py, one folder each under `output`. */
export async function makeTinyModels(output: string): Promise<void> {
  const script = join(import.meta.dirname, 'tiny.py');
  const made = await python('requirements-convert.txt', [script, '--tokenizer', glossaryModel, '--output', output]);
  if (made.code !== 0) throw new Error(made.stderr);
}
