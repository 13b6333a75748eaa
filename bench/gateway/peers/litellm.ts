import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { provisionPython } from '../../../scripts/provision/python.ts';
import { freePort, startProgram } from '../processes.ts';
import type { Peer, PeerDeps } from './peer.ts';

const masterKey = 'sk-bench-master';
// not by its script: that one names the folder in which the environment was made
const entry = 'from litellm import run_server; run_server()';

/** LiteLLM's proxy: one worker, a master key, one model; without a database, so without its own ledger. */
export async function startLiteLlm({ upstream, scratch, signal }: PeerDeps): Promise<Peer> {
  const python = await provisionPython(path.join(import.meta.dirname, 'requirements-litellm.txt'));
  const version = execFileSync(python, ['-c', 'from importlib.metadata import version; print(version("litellm"))'], {
    encoding: 'utf8',
  }).trim();
  const config = path.join(scratch, 'litellm.yaml');
  await writeFile(
    config,
    [
      'model_list:',
      '  - model_name: mock',
      `    litellm_params: { model: openai/mock, api_base: "${upstream}/v1", api_key: sk-upstream }`,
      `general_settings: { master_key: ${masterKey} }`,
      '',
    ].join('\n'),
  );
  const port = await freePort();
  const program = await startProgram({
    name: 'litellm',
    command: python,
    args: ['-c', entry, '--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'],
    // the prices that came with it, and no call home
    environment: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_TELEMETRY: 'False', LITELLM_LOG: 'ERROR' },
    cwd: scratch,
    signal,
    ready: `http://127.0.0.1:${port}/health/liveliness`,
    patience: 120,
  });
  return {
    name: 'litellm',
    version: `LiteLLM ${version}, 1 worker`,
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${masterKey}` },
    model: 'mock',
    pid: program.pid,
    share: 1 / 40,
    stop: program.stop,
  };
}
