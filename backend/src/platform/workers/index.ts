export { createWorkers } from './pool.ts';
export { serveTasks } from './serve.ts';
export type { RunOptions, TaskContext, TaskTable, Workers, WorkersOptions } from './types.ts';
