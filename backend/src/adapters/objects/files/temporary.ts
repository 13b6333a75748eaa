import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** Who writes a temporary file: part of its name, so that another process can tell whether the writer still lives. */
interface Writer {
  host: string;
  pid: number;
  /** milliseconds since 1970 */
  startedAt: number;
}

const day = 24 * 60 * 60 * 1000;

export function thisWriter(): Writer {
  return { host: hostname().replaceAll('~', '-'), pid: process.pid, startedAt: performance.timeOrigin };
}

export function temporaryName(writer: Writer): string {
  return `${writer.host}~${writer.pid}~${randomUUID()}`;
}

/**
 * Nobody will finish this file: its writer on this machine is gone, or was an earlier process with our number (a container's
 * first process is always 1), or it belongs to another machine and has not been touched for a day.
 */
export function isAbandoned(
  file: { name: string; modifiedAt: number },
  self: Writer,
  facts: { now: number; alive(pid: number): boolean },
): boolean {
  const [host, pid] = file.name.split('~');
  if (host !== self.host) return file.modifiedAt < facts.now - day;
  if (Number(pid) === self.pid) return file.modifiedAt < self.startedAt;
  return !facts.alive(Number(pid));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
