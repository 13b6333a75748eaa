/** Our scanner in a process of its own, as a validation has it: answers a message with a file's path with what a scan of it took. */
import { readFileSync } from 'node:fs';
import { createPiiScanner } from '../../backend/src/domains/datasets/pii/index.ts';

export interface OursAnswer {
  /** CPU seconds: file, UTF-8, lines, findings of all types with spans and checksums */
  whole: number;
  /** the scan alone, of texts that are there */
  scan: number;
  /** the same for the types of Presidio's recognisers */
  shared: number;
  bytes: number;
  found: number;
}

const shared = [
  'email',
  'phone',
  'credit_card',
  'iban',
  'us_ssn',
  'passport',
  'ip_address',
  'kr_rrn',
  'kr_foreigner',
  'kr_brn',
];
const BLOCK = 4 * 1024 * 1024;
const NEWLINE = 10;
const scanner = createPiiScanner({ types: null, rules: [] });
const sharing = createPiiScanner({ types: shared, rules: [] });

function* cellsOf(bytes: Buffer): Generator<string[]> {
  for (let from = 0; from < bytes.length;) {
    const most = Math.min(bytes.length, from + BLOCK);
    const end = most === bytes.length ? most : bytes.lastIndexOf(NEWLINE, most - 1) + 1;
    yield bytes.toString('utf8', from, end).split('\n');
    from = end;
  }
}

function seconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function measure(path: string): OursAnswer {
  let found = 0;
  let bytes = 0;
  const count = (): void => void found++;
  const whole = seconds(() => {
    const file = readFileSync(path);
    bytes = file.length;
    for (const cells of cellsOf(file)) scanner.scan(cells, count);
  });
  const texts = [...cellsOf(readFileSync(path))];
  const scanBy = ({ scan }: typeof scanner): number =>
    seconds(() => {
      for (const cells of texts) scan(cells, () => {});
    });
  return { whole, scan: scanBy(scanner), shared: scanBy(sharing), bytes, found };
}

process.on('message', (path: string) => process.send!(measure(path)));
