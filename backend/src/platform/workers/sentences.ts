import { createWords } from '#platform/words';

/** What became of a process that does the work of others. */
export const words = createWords('worker', {
  unstartable: { message: 'The process for this work could not be started.' },
  slow_start: { message: 'The process for this work did not start in time.' },
  failed: { message: 'The work failed unexpectedly.' },
  memory: {
    message: 'The work needed more memory than it may have: {reached} of {most} MiB.',
  },
  not_begun: { message: 'The server is closing; the work was not begun.' },
  closing: { message: 'The server is closing; the work was ended.' },
  ended_by: { message: 'The process that did this work ended unexpectedly (by {signal}).' },
  ended_with: { message: 'The process that did this work ended unexpectedly (with code {code}).' },
});
