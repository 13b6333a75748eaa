import { bytesReader, forward, InvalidFile, type Forward, type RandomAccess } from './reader.ts';
import { isAllowedGlobal } from './pickle-globals.ts';
import { readEntry, readZip } from './zip.ts';

const maxOpcodes = 5_000_000;
const maxPickleBytes = 64 * 1024 * 1024;
/** The old format of PyTorch: magic number, protocol, system, the object, its storages; the bytes of tensors follow. */
const maxStreams = 5;
const legacyMagic = '6cfc9c46f9206aa85019';

interface PickleScan {
  /** what it would import when loaded: `collections.OrderedDict` */
  globals: string[];
  /** those off the allow-list: the file must never be loaded */
  dangerous: string[];
  /** the archive holds TorchScript code */
  script: boolean;
}

/**
 * Reads the opcodes of a pickle, or of those in a PyTorch archive, and says what it would import; nothing is ever executed. Throws
 * `InvalidFile` where it is neither, or cannot be followed to its end.
 */
export async function scanPickle(reader: RandomAccess): Promise<PickleScan> {
  const found = new Set<string>();
  let script = false;
  const head = await reader.read(0, 4);
  if (head.toString('latin1') === 'PK\x03\x04') {
    const entries = await readZip(reader);
    const pickles = entries.filter(({ name }) => /\.pkl$/i.test(name));
    if (pickles.length === 0) throw new InvalidFile('The archive holds no pickle: it is not a PyTorch file.');
    if (pickles.length > 1000) throw new InvalidFile('The archive holds too many pickles.');
    script = entries.some(({ name }) => /(^|\/)code\//.test(name));
    for (const entry of pickles) {
      const bytes = bytesReader(await readEntry(reader, entry, maxPickleBytes));
      await scanStreams(bytes, found);
    }
  } else {
    await scanStreams(reader, found);
  }
  const globals = [...found].sort();
  return { globals, dangerous: globals.filter((name) => !isAllowedGlobal(name)), script };
}

async function scanStreams(reader: RandomAccess, found: Set<string>): Promise<void> {
  const file = forward(reader);
  const budget = { opcodes: maxOpcodes };
  const first = await scanStream(file, found, budget);
  // only the old format of PyTorch goes on with bytes that are no pickle
  const legacy = first === legacyMagic;
  for (let stream = 1; stream < (legacy ? maxStreams : Infinity) && !file.atEnd(); stream++) {
    await scanStream(file, found, budget);
  }
}

type Item = string | null | typeof mark;
const mark = Symbol('mark');

/** The value of a push that is no text; a text is kept because STACK_GLOBAL names what it imports by two of them. */
const other: Item = null;

/** One pickle up to its STOP. Answers the long integer it holds, in hex, when it is nothing else. */
async function scanStream(file: Forward, found: Set<string>, budget: { opcodes: number }): Promise<string | null> {
  const stack: Item[] = [];
  const memo = new Map<number, Item>();
  let long: string | null = null;

  const pop = (): Item => {
    const item = stack.pop();
    if (item === undefined) throw new InvalidFile('The pickle takes more from its stack than there is.');
    return item;
  };
  const popMark = () => {
    while (pop() !== mark);
  };
  const top = (): Item => stack.at(-1) ?? other;
  const recall = (index: number) => {
    if (!memo.has(index)) throw new InvalidFile('The pickle recalls what it never remembered.');
    stack.push(memo.get(index)!);
  };
  const push = (item: Item = other) => void stack.push(item);
  const replace = (count: number) => {
    for (let index = 0; index < count; index++) pop();
    push();
  };
  const textOf = async (length: number) => {
    // names of imports are short; what is longer need not be kept
    if (length > 4096) {
      file.skip(length);
      return push();
    }
    push((await file.bytes(length)).toString('utf8'));
  };
  const skipped = (length: number) => {
    file.skip(length);
    push();
  };

  for (;;) {
    if (budget.opcodes-- === 0) throw new InvalidFile('The pickle has too many opcodes.');
    const opcode = await file.u8();
    switch (String.fromCharCode(opcode)) {
      case '.': {
        pop();
        return stack.length === 0 ? long : null;
      }
      case '(':
        push(mark);
        break;
      case '0':
        pop();
        break;
      case '1':
        popMark();
        break;
      case '2':
        push(top());
        break;
      // numbers, constants
      case 'F':
      case 'I':
      case 'L':
        await file.line(64 * 1024);
        push();
        break;
      case 'J':
        skipped(4);
        break;
      case 'K':
        skipped(1);
        break;
      case 'M':
        skipped(2);
        break;
      case 'G':
        skipped(8);
        break;
      case '\x8a': {
        const length = await file.u8();
        long = (await file.bytes(length)).toString('hex');
        push();
        break;
      }
      case '\x8b':
        skipped(await file.u32());
        break;
      case 'N':
      case '\x88':
      case '\x89':
      case ']':
      case '}':
      case ')':
      case '\x8f':
        push();
        break;
      // texts and bytes
      case 'S':
        push(unquoted(await file.line(1024 * 1024)));
        break;
      case 'V':
        push(await file.line(1024 * 1024));
        break;
      case 'T':
      case 'X':
        await textOf(await file.u32());
        break;
      case 'U':
      case '\x8c':
        await textOf(await file.u8());
        break;
      case '\x8d':
        await textOf(await file.u64());
        break;
      case 'B':
        skipped(await file.u32());
        break;
      case 'C':
        skipped(await file.u8());
        break;
      case '\x8e':
      case '\x96':
        skipped(await file.u64());
        break;
      // memo
      case 'p':
        memo.set(numberOf(await file.line(64)), top());
        break;
      case 'q':
        memo.set(await file.u8(), top());
        break;
      case 'r':
        memo.set(await file.u32(), top());
        break;
      case '\x94':
        memo.set(memo.size, top());
        break;
      case 'g':
        recall(numberOf(await file.line(64)));
        break;
      case 'h':
        recall(await file.u8());
        break;
      case 'j':
        recall(await file.u32());
        break;
      // containers
      case 'l':
      case 't':
      case 'd':
      case '\x91':
        popMark();
        push();
        break;
      case '\x85':
        replace(1);
        break;
      case '\x86':
        replace(2);
        break;
      case '\x87':
        replace(3);
        break;
      case 'a':
        pop();
        break;
      case 's':
        pop();
        pop();
        break;
      case 'e':
      case 'u':
      case '\x90':
        popMark();
        break;
      // imports and calls
      case 'c':
      case 'i': {
        const name = `${(await file.line(4096)).trim()}.${(await file.line(4096)).trim()}`;
        note(found, name);
        if (opcode === 0x69) popMark();
        push();
        break;
      }
      case '\x93': {
        const [name, module] = [pop(), pop()];
        note(found, `${typeof module === 'string' ? module : '?'}.${typeof name === 'string' ? name : '?'}`);
        push();
        break;
      }
      case 'R':
      case '\x81':
        replace(2);
        break;
      case '\x92':
        replace(3);
        break;
      case 'o':
        popMark();
        push();
        break;
      case 'b':
        pop();
        break;
      case 'P':
        await file.line(4096);
        push();
        break;
      case 'Q':
        replace(1);
        break;
      case '\x82':
      case '\x83':
      case '\x84':
        throw new InvalidFile('The pickle uses the extension registry, of which nobody can say what it imports.');
      // protocol and frames
      case '\x80':
        file.skip(1);
        break;
      case '\x95':
        file.skip(8);
        break;
      case '\x97':
        push();
        break;
      case '\x98':
        break;
      default:
        throw new InvalidFile(`The file is not a pickle: 0x${opcode.toString(16)} is not one of its opcodes.`);
    }
  }
}

function note(found: Set<string>, name: string): void {
  if (found.size < 10_000) found.add(name.slice(0, 200));
  else throw new InvalidFile('The pickle imports too much.');
}

function numberOf(line: string): number {
  if (!/^\d{1,15}$/.test(line)) throw new InvalidFile('The pickle names an impossible place of its memo.');
  return Number(line);
}

const unquoted = (line: string) => line.trim().replace(/^(['"])(.*)\1$/, '$2');
