import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { provisionPython } from './provision/python.ts';

/** `npm run sample-model [-- --epochs N]`: trains examples/models/glossary-llama again from python/trainer/data/glossary.jsonl. */
const root = join(import.meta.dirname, '..');
const trainer = join(root, 'python', 'trainer');
const python = await provisionPython(join(trainer, 'requirements-train.txt'));
const output = join(root, 'examples', 'models', 'glossary-llama');
const child = spawn(python, ['-m', 'llmops_trainer.sample', '--output', output, ...process.argv.slice(2)], {
  cwd: trainer,
  stdio: 'inherit',
  env: { ...process.env, OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1' },
});
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
