import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/**
 * The functions in which the server spent most, by their own time; from the largest profile in the folder.
 * `from` and `until` are milliseconds since its start.
 */
export async function topFunctions(folder: string, from: number, until: number, count = 40): Promise<string> {
  const files = (await readdir(folder))
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => path.join(folder, name));
  const sizes = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
  const largest = sizes.toSorted((a, b) => b.size - a.size)[0];
  if (largest === undefined) return `No profile was written in ${folder}.`;
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(largest.file, 'utf8')) as CpuProfile;
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'} ${url === '' ? '' : `${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`}`,
    ]),
  );
  const own = new Map<string, number>();
  let now = 0;
  samples.forEach((id, at) => {
    now += timeDeltas[at] ?? 0;
    if (now < from * 1000 || now > until * 1000) return;
    const name = names.get(id) ?? '';
    own.set(name, (own.get(name) ?? 0) + (timeDeltas[at] ?? 0));
  });
  own.delete('(idle) ');
  const total = [...own.values()].reduce((sum, value) => sum + value, 0);
  const top = [...own].toSorted(([, a], [, b]) => b - a).slice(0, count);
  return [
    `${(total / 1e6).toFixed(1)} s of CPU on the main thread while it was measured: ${largest.file}`,
    ...top.map(([name, value]) => `${((100 * value) / total).toFixed(1).padStart(5)} %  ${name}`),
  ].join('\n');
}
