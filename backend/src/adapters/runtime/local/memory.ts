import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';

/** Bytes that can still be used: what the kernel says is available, or what the control group leaves when that is less. */
export async function readFreeMemory(): Promise<number> {
  const [meminfo, group] = await Promise.all([read('/proc/meminfo'), groupHeadroom()]);
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(meminfo ?? '');
  const free = available === null ? freemem() : Number(available[1]) * 1024;
  return group === null ? free : Math.min(free, group);
}

/** Version 2 control groups, whose limit holds for the page cache too; that part of the cache can be given up. */
async function groupHeadroom(): Promise<number | null> {
  const path = /^0::(\S+)$/m.exec((await read('/proc/self/cgroup')) ?? '')?.[1];
  if (path === undefined) return null;
  const folder = `/sys/fs/cgroup${path === '/' ? '' : path}`;
  const [max, current, stat] = await Promise.all(
    ['memory.max', 'memory.current', 'memory.stat'].map((name) => read(`${folder}/${name}`)),
  );
  if (!max || !current || max.trim() === 'max') return null;
  const inactive = Number(/^inactive_file (\d+)$/m.exec(stat ?? '')?.[1] ?? 0);
  return Math.max(0, Number(max) - Number(current) + inactive);
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return null;
  }
}
