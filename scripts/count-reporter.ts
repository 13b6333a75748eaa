import { writeFileSync } from 'node:fs';

interface TestEvent {
  type: string;
  data: {
    file?: string;
    counts?: { passed: number; failed: number; cancelled: number; skipped: number; tests: number };
  };
}

/** Writes the totals of a `node --test` run to the file named by COUNT_FILE, for the line at the end of all suites. */
export default async function* count(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const { counts, file } = event.data;
    if (
      event.type === 'test:summary' &&
      file === undefined &&
      counts !== undefined &&
      process.env['COUNT_FILE'] !== undefined
    ) {
      writeFileSync(
        process.env['COUNT_FILE'],
        JSON.stringify({ passed: counts.passed, failed: counts.failed + counts.cancelled, skipped: counts.skipped }),
      );
    }
  }
  yield '';
}
