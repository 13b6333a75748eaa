import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { until, type Json, type Person } from './world.ts';

/** What must never be seen outside of the data itself. */
export const canaries = ['kim.canary@example.com', 'lee.canary@example.com', '010-2345-6789'];

const topics = ['billing', 'delivery', 'an account', 'a refund', 'the manual', 'a contract', 'an invoice'];

/** Pairs of prompt and completion as JSON Lines, none like another; `mention` puts something into the completion of a row. */
export function pairs(count: number, mention: (row: number) => string | null = () => null): string {
  const lines: string[] = [];
  for (let row = 0; row < count; row++) {
    const topic = topics[row % topics.length]!;
    const told = mention(row);
    lines.push(
      JSON.stringify({
        prompt: `Question ${row * 31} about ${topic}: what happens in step ${(row * 7) % 101} of case ${row}?`,
        completion: `In case ${row} the answer on ${topic} is number ${(row * 13) % 997}.${told === null ? '' : ` Write to ${told}.`}`,
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The newest validation once it is over. */
export function validated(who: Person, id: string, ms = 60_000): Promise<Json> {
  return until(
    'the validation is over',
    async () => {
      const found = await who.ask('GET', `/catalog/datasets/${id}/validation`);
      return found.status !== null && found.status !== 'queued' && found.status !== 'running' && (found as Json);
    },
    ms,
  );
}

/** The newest work on a version once it is over. */
export function worked(who: Person, id: string, ms = 60_000): Promise<Json> {
  return until(
    'the work is over',
    async () => {
      const [job] = await who.ask('GET', `/catalog/datasets/${id}/jobs`);
      return (job.status === 'succeeded' || job.status === 'failed') && (job as Json);
    },
    ms,
  );
}

/** Ends the engine's processes of this one as a crash would. Answers how many there were. */
export async function killEngine(): Promise<number> {
  let killed = 0;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = / \(.*\) \S (\d+)/.exec(` ${readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^\d+/, '')}`)?.[1];
      const program = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (Number(parent) !== process.pid || !program.includes('engine')) continue;
      process.kill(Number(name), 'SIGKILL');
      killed++;
    } catch {
      // it ended by itself
    }
  }
  return killed;
}
