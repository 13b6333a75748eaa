/** The program that runs the engine's tasks, in a process of its own (`#platform/workers`). Each task loads only what it needs. */
import { serveTasks, type TaskContext } from '#platform/workers';
import type { TaskName, Tasks } from './tasks.ts';

const tasks: {
  [Name in TaskName]: (input: Tasks[Name]['input'], context: TaskContext) => Promise<Tasks[Name]['output']>;
} = {
  accept: async (input, context) => (await import('./accept/index.ts')).accept(input, context),
  preview: async (input, context) => (await import('./preview.ts')).preview(input, context),
  validate: async (input, context) => (await import('./validate.ts')).validate(input, context),
  compare: async (input, context) => (await import('./compare.ts')).compare(input, context),
  redact: async (input, context) => (await import('./redact.ts')).redact(input, context),
  export: async (input, context) => (await import('./export.ts')).exportRows(input, context),
  scan: async (input) => (await import('./scan.ts')).scan(input),
};
serveTasks(tasks);
