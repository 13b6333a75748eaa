import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from './python.ts';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'provision-'));
const requirements = join(folder, 'requirements-small.txt');
await writeFile(requirements, 'idna==3.20\n');
after(() => rm(folder, { recursive: true, force: true }));

/** provisionPython in a process of its own, with its own cache. */
async function provision(cache: string, path = process.env.PATH) {
  const script = `const { provisionPython } = await import(${JSON.stringify(join(root, 'scripts', 'provision', 'python.ts'))});
    console.log(await provisionPython(${JSON.stringify(requirements)}));`;
  const env = { ...process.env, XDG_CACHE_HOME: cache, PATH: path };
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { env });
  return { python: stdout.trim(), said: stderr };
}

test('Ground: two processes at once get one whole environment, a third reuses it silently, leftovers are removed', async () => {
  const cache = join(folder, 'cache');
  const leftover = join(cache, 'llm-ops', 'python', '0123456789abcdef.999999999.abc.part');
  await mkdir(leftover, { recursive: true });
  const [one, two] = await Promise.all([provision(cache), provision(cache)]);
  assert.equal(one.python, two.python);
  assert.match(one.said, /installing a Python environment for requirements-small.txt: idna==3.20/);
  const { stdout } = await run(one.python, ['-c', 'import idna; print(idna.__version__)']);
  assert.equal(stdout.trim(), '3.20');
  const third = await provision(cache);
  assert.deepEqual(third, { python: one.python, said: '' });
  assert.equal((await readdir(join(cache, 'llm-ops', 'python'))).length, 1);
});

test('Ground: without Python 3.11 the failure says what to install', async () => {
  const tools = join(folder, 'old');
  await mkdir(tools);
  await symlink(process.execPath, join(tools, 'node'));
  await writeFile(join(tools, 'python3'), '#!/bin/sh\necho 3.9\n');
  await chmod(join(tools, 'python3'), 0o755);
  await assert.rejects(
    provision(join(folder, 'none'), tools),
    /Python 3\.11 or newer is needed.*apt-get install python3/,
  );
});
