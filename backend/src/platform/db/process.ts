import { readFileSync, readlinkSync } from 'node:fs';

/**
 * When a process started, as the kernel counts it (ticks since boot, with the boot's id); null when it does not run. Where there is
 * no /proc, only whether it runs: then the answer is 'running'. Told apart by it: a process and a later one with its number.
 */
export function processStart(pid: number): string | null {
  if (!running(pid)) return null;
  if (process.platform !== 'linux') return 'running';
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name, in parentheses, may itself hold spaces and parentheses
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return null;
  }
}

/** The folder a process works in; null when it cannot be told. */
export function workingFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // somebody else's process
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
