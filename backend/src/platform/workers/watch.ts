/**
 * A thread beside the task: it ends the process when that needs more memory than it may have, or when its parent is gone. It also does so
 * while the task computes without a pause, when no timer of the task's own thread would fire.
 */
import { readFileSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { memoryMark } from './protocol.ts';

const { memoryMb, parent } = workerData as { memoryMb: number; parent: number };
const EVERY_MS = 25;
const PARENT_EVERY = 8;
let turn = 0;

setInterval(() => {
  const resident = residentMb();
  if (resident > memoryMb) end(`${memoryMark}${Math.round(resident)} MiB\n`);
  if (++turn % PARENT_EVERY === 0 && process.ppid !== parent) end('the parent process is gone\n');
}, EVERY_MS);

function residentMb(): number {
  try {
    // The kernel counts in pages. Node's own `rss()` opens a longer file for the same number.
    return (Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * 4096) / 1024 ** 2;
  } catch {
    return process.memoryUsage.rss() / 1024 ** 2;
  }
}

/** Not `process.exit`: in a thread it ends the thread, and in the main thread it waits for native code that is under way. */
function end(reason: string): void {
  try {
    writeSync(2, reason);
  } catch {
    // Nobody reads it any more.
  }
  process.kill(process.pid, 'SIGKILL');
}
