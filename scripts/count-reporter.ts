import { writeFileSync } from 'node:fs';
import path from 'node:path';

interface TestEvent {
  type: string;
  data: {
    file?: string;
    name?: string;
    line?: number;
    counts?: { passed: number; failed: number; cancelled: number; skipped: number; tests: number };
    details?: { error?: { message?: string; failureType?: string; cause?: unknown } };
  };
}

/** What one suite came to, as `scripts/test.ts` reads it. */
export interface SuiteCounts {
  passed: number;
  failed: number;
  skipped: number;
  /** `file:line name: first line of the error` of each test that failed, for the end of all suites */
  failures: string[];
}

/** Writes the totals of a `node --test` run, and what failed, to the file named by COUNT_FILE. */
export default async function* count(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures: string[] = [];
  const target = process.env['COUNT_FILE'];
  for await (const { type, data } of source) {
    // a test whose subtests failed says nothing that they do not
    if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed') failures.push(told(data));
    if (type === 'test:summary' && data.file === undefined && data.counts !== undefined && target !== undefined) {
      const { passed, failed, cancelled, skipped } = data.counts;
      const counts: SuiteCounts = { passed, failed: failed + cancelled, skipped, failures };
      writeFileSync(target, JSON.stringify(counts));
    }
  }
  yield '';
}

function told(data: TestEvent['data']): string {
  const { error } = data.details ?? {};
  const reason = error?.cause instanceof Error ? error.cause.message : (error?.message ?? 'failed');
  const place = data.file === undefined ? '' : `${path.relative(process.cwd(), data.file)}:${data.line ?? 0} `;
  return `${place}${data.name ?? ''}: ${reason.split('\n', 1)[0] ?? ''}`;
}
