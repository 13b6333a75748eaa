import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { provisionPython } from '../../scripts/provision/python.ts';
import { freePorts } from '../cluster/plane.ts';
import { projectRoot, sampleModel } from '../journeys/harness.ts';

const program = process.env['OLLAMA'] ?? 'ollama';

export interface InstalledOllama {
  /** `http://127.0.0.1:{port}` */
  endpoint: string;
  version: string;
  stop(): Promise<void>;
}

const turns = `{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
`;
/** What `ollama show` names the abilities of a model by. */
const templates = {
  glossary: turns,
  caller: `{{- if .Tools }}<|im_start|>system
{{ .Tools }}<|im_end|>
{{ end }}${turns}{{- range .Messages }}{{- range .ToolCalls }}{"name": "{{ .Function.Name }}", "parameters": {{ .Function.Arguments }}}{{ end }}{{ end }}`,
};

/**
 * The Ollama of this machine (OLLAMA, or the one on the path), with a folder of its own and the sample model as `glossary`, and as `caller`
 * with a template that takes tools.
 */
export async function startInstalledOllama(): Promise<InstalledOllama> {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0)
    throw new Error(`${program} does not run. Install Ollama, or name its program in OLLAMA.`);
  const python = await provisionPython('python/trainer/requirements-convert.txt');
  const folder = mkdtempSync(join(tmpdir(), 'llm-ops-ollama-'));
  const converted = spawnSync(
    python,
    ['-m', 'llmops_trainer.convert', '--source', sampleModel, '--output', join(folder, 'model.gguf'), '--dtype', 'f16'],
    { cwd: join(projectRoot, 'python/trainer'), encoding: 'utf8' },
  );
  if (converted.status !== 0) throw new Error(converted.stderr);
  const endpoint = `http://127.0.0.1:${(await freePorts(1))[0]}`;
  const env = {
    ...process.env,
    HOME: folder,
    OLLAMA_HOST: endpoint,
    OLLAMA_MODELS: join(folder, 'models'),
    OLLAMA_NUM_PARALLEL: '2',
    OLLAMA_CONTEXT_LENGTH: '512',
  };
  const child = spawn(program, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (text: Buffer) => (log = (log + text.toString()).slice(-4_000)));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let tries = 0; (await fetch(endpoint).catch(() => null)) === null; tries += 1) {
      if (child.exitCode !== null || tries > 600) throw new Error(`ollama does not answer: ${log}`);
      await wait(100);
    }
    for (const [name, template] of Object.entries(templates)) {
      const file = join(folder, `${name}.modelfile`);
      writeFileSync(
        file,
        `FROM ${join(folder, 'model.gguf')}\nTEMPLATE """${template}"""\nPARAMETER stop <|im_end|>\n`,
      );
      const made = spawnSync(program, ['create', name, '-f', file], { env, encoding: 'utf8' });
      if (made.status !== 0) throw new Error(`ollama create: ${made.stderr}\n${log}`);
    }
    const { version } = (await (await fetch(`${endpoint}/api/version`)).json()) as { version: string };
    return { endpoint, version, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
