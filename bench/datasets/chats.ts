import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createRandom } from './random.ts';

/** How many rows have what was planted; each planted row has one thing. */
export interface PlantedChats {
  rows: number;
  duplicates: number;
  nearDuplicates: number;
  contaminated: number;
  emails: number;
  unalternating: number;
}

interface Message {
  role: string;
  content: string;
}

const shares = {
  duplicates: 0.01,
  nearDuplicates: 0.01,
  contaminated: 0.002,
  emails: 0.01,
  unalternating: 0.005,
} as const;
const syllables = 'ba ce di fo gu la me ni po ru sa te vi wo zu kan ler min sor tal ing ed er est'.split(' ');
const korean = '가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누두루무부수우주추쿠투푸후'.split('');
const common = 'the of and to in is that it was for on are as with be this have or by not but what all when can'.split(
  ' ',
);

/**
 * Writes conversations of one to three questions and answers (1.3 KB on average, every seventh in Korean syllables) until the file has about
 * `bytes`, and a benchmark of 2,000 items beside it.
 */
export async function generateChats(options: {
  path: string;
  benchmark: string;
  bytes: number;
  seed?: number;
}): Promise<PlantedChats> {
  const random = createRandom(options.seed ?? 11);
  const planted: PlantedChats = {
    rows: 0,
    duplicates: 0,
    nearDuplicates: 0,
    contaminated: 0,
    emails: 0,
    unalternating: 0,
  };
  const words = Array.from({ length: 30_000 }, () =>
    Array.from({ length: 1 + int(4) }, () => pick(syllables)).join(''),
  );
  const eojeol = Array.from({ length: 30_000 }, () => Array.from({ length: 2 + int(3) }, () => pick(korean)).join(''));
  const items = Array.from({ length: 2000 }, (_, id) => ({
    id,
    input: sentence(30 + int(40)),
    reference: sentence(3),
  }));
  await writeFile(options.benchmark, items.map((item) => `${JSON.stringify(item)}\n`).join(''));

  const file = createWriteStream(`${options.path}.part`);
  const kept: Message[][] = [];
  let waiting = '';
  let written = 0;
  for (let id = 0; written < options.bytes; id++) {
    const messages = next();
    planted.rows++;
    const line = `${JSON.stringify({ messages })}\n`;
    written += Buffer.byteLength(line);
    waiting += line;
    if (waiting.length < 1 << 20) continue;
    if (!file.write(waiting)) await once(file, 'drain');
    waiting = '';
  }
  file.end(waiting);
  await once(file, 'close');
  await rename(`${options.path}.part`, options.path);
  return planted;

  function next(): Message[] {
    let draw = random();
    for (const [what, share] of Object.entries(shares) as [keyof typeof shares, number][]) {
      draw -= share;
      if (draw >= 0 || kept.length < 1000) continue;
      planted[what]++;
      return plant(what);
    }
    const messages = conversation();
    // What is repeated is never repeated from a repetition, and is long enough to stay alike with a word changed.
    if (kept.length < 20_000 && messages.length === 2 && messages[1]!.content.length > 600) kept.push(messages);
    return messages;
  }

  function plant(what: keyof typeof shares): Message[] {
    if (what === 'duplicates') return pick(kept);
    const messages = what === 'nearDuplicates' ? structuredClone(pick(kept)) : conversation();
    const [question, answer] = messages as [Message, Message];
    // Two words are put to the end, so that hardly any phrase is lost; which two differs from one to the next.
    if (what === 'nearDuplicates') answer.content += ` ${pick(words)} ${pick(words)} ${planted.nearDuplicates}`;
    if (what === 'contaminated') question.content = `${sentence(5)} ${pick(items).input} ${sentence(5)}`;
    if (what === 'emails') answer.content += ` ${pick(words)}.${pick(words)}${planted.emails}@example.org`;
    if (what === 'unalternating') messages.splice(1, 0, { role: 'user', content: sentence(8) });
    return messages;
  }

  function conversation(): Message[] {
    const say = random() < 0.15 ? hangul : sentence;
    const turns = 1 + int(3);
    return Array.from({ length: turns }, () => [
      { role: 'user', content: say(8 + int(30)) },
      { role: 'assistant', content: say(30 + int(140)) },
    ]).flat();
  }

  function sentence(count: number): string {
    let said = '';
    for (let at = 0; at < count; at++) {
      const word = random() < 0.4 ? pick(common) : words[Math.floor(random() ** 3 * words.length)]!;
      said += at === 0 ? word : random() < 0.08 ? `. ${word}` : ` ${word}`;
    }
    return `${said}.`;
  }

  function hangul(count: number): string {
    const length = Math.ceil(count * 0.7);
    return Array.from({ length }, () => eojeol[Math.floor(random() ** 2 * eojeol.length)]!).join(' ');
  }

  function int(below: number): number {
    return Math.floor(random() * below);
  }
  function pick<T>(from: readonly T[]): T {
    return from[Math.floor(random() * from.length)]!;
  }
}

// In a process of its own (`fork`), so that what it leaves to the garbage collector is not measured with something else.
if (process.send !== undefined)
  process.once('message', (options: Parameters<typeof generateChats>[0]) => {
    void generateChats(options).then((planted) => process.send!(planted, () => process.disconnect()));
  });
