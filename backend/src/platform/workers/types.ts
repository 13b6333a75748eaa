import type { Logger } from '#platform/log';

export interface RunOptions {
  /** the whole task; then its process is ended and the call fails with `worker_timeout` */
  timeoutMs: number;
  /** ends the process; the call fails with the signal's reason */
  signal?: AbortSignal;
  /** what the task tells with `progress` */
  onProgress?(value: unknown): void;
  /** what the task may ask of this process with `ask` */
  answers?: Record<string, (payload: never) => Promise<unknown>>;
}

/** Processes of their own for work that is heavy or may crash: a crash fails one task, never the server. */
export interface Workers {
  /**
   * Runs one task and answers what it answers. Tasks wait for a free process. Throws `worker_crashed`, `worker_memory`, `worker_timeout`,
   * `disk_full`, or the failure that the task itself threw (its code, message, remedy, issues and data come over).
   */
  run<O>(task: string, input: unknown, options: RunOptions): Promise<O>;
  /** Ends all processes; tasks under way fail. */
  close(): Promise<void>;
}

export interface WorkersOptions {
  /** path of the module that calls `serveTasks` */
  program: string;
  /** processes at a time */
  concurrency: number;
  /** of one process, everything counted (resident set); beyond it the process is ended and its task fails */
  memoryMb: number;
  /** a process that has nothing to do ends after so long; 0: after each task */
  idleMs: number;
  log: Logger;
}

/** What a task in the process gets beside its input. */
export interface TaskContext {
  /** told to whoever runs the task, at most every 100 ms; the last one always */
  progress(value: unknown): void;
  /** asks the parent process; rejects with its failure */
  ask<T>(what: string, payload: unknown): Promise<T>;
  memoryMb: number;
}

export type TaskTable = Record<string, (input: never, context: TaskContext) => Promise<unknown>>;
