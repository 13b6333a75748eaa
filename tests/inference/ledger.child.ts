import { openSync, writeSync } from 'node:fs';
import { createLedger } from '../../backend/src/domains/inference/ledger/index.ts';
import { openDatabase } from '../../backend/src/platform/db/index.ts';
import { begun, named, writtenLog } from './ground.ts';

/**
 * A gateway in full flow, to be killed: writes to the file `told` what it has begun (`b ID`) and ended (`e ID`), after it did and before
 * anything else.
 */
const [url = '', directory = '', count = '', told = ''] = process.argv.slice(2);
const descriptor = told === '' ? null : openSync(told, 'a');
const { log, lines } = writtenLog();
const db = await openDatabase({ url, dataDir: directory, log });
const ledger = named(
  createLedger({
    directory,
    db,
    charge: async () => () => {},
    log,
    now: () => new Date(),
    settleMs: 20,
    segmentBytes: 40_000,
  }),
);
const say = (line: string): void => void (descriptor !== null && writeSync(descriptor, `${line}\n`));

const open: string[] = [];
let number = 0;
for (; number < Number(count);) {
  for (let one = 0; one < 16; one += 1, number += 1) {
    const event = begun({ gateway: ledger.gateway });
    const then = (): void => {
      say(`b ${event.id}`);
      open.push(event.id);
    };
    if (number % 2 === 0) ledger.begin(event, then);
    else {
      ledger.begin(event);
      then();
    }
  }
  // in no order, so that each file has some that are open for long
  const ending: string[] = [];
  while (open.length > 400) ending.push(...open.splice(Math.floor(Math.random() * open.length), 1));
  for (const id of ending) ledger.end(id, { status: 200, estimated: false, error_code: null, cost: '0.5' });
  for (const id of open.slice(0, 2)) ledger.progress(id, { completion_tokens: number });
  // two turns of the loop: then it has written what came in the first
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  for (const id of ending) say(`e ${id}`);
}
for (const id of open.splice(0)) ledger.end(id, { status: 200, cost: '0.5' });
const { writable, dropped } = ledger.state();
const failures = lines.filter(({ msg }) => msg.includes('cannot be written')).length;
console.log(JSON.stringify({ writable, dropped, failures }));
await ledger.close();
await db.close();
