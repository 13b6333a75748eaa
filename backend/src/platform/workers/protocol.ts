import type { Told } from './failures.ts';

export type ToProcess =
  | { type: 'run'; task: string; input: unknown }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'refusal'; id: number; error: Told };

export type ToParent =
  | { type: 'ready' }
  | { type: 'progress'; value: unknown }
  | { type: 'ask'; id: number; what: string; payload: unknown }
  | { type: 'done'; value: unknown }
  | { type: 'failed'; error: Told };

/** What the watch writes to the error output before it ends a process that grew beyond its limit; the number of MiB follows. */
export const memoryMark = 'memory limit reached: ';
