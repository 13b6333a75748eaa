/** What a flag takes: `whole`, `number`, `size` (`4k`), `object` (JSON), `text` or `nothing`, with `?` or `+` as in argparse; or one of a list. */
type Takes = string | readonly string[];

/** The command line of one release, as tests/vllm/real.py writes it. */
export interface Release {
  version: string;
  flags: Readonly<Record<string, Takes>>;
}

/** Why vLLM would refuse a command line; `at` is the place of the word. */
export interface Fault {
  at: number;
  message: string;
}

/** What vLLM understands: which flags, as it spells them, and what it would refuse. */
export interface Reading {
  given: { flag: string; at: number }[];
  faults: Fault[];
}

interface Found {
  flag: string;
  /** what is written behind `=` */
  value: string | undefined;
  /** it names a field of an object: `--flag.field` */
  field: boolean;
}

/** Beyond what single flags take: vLLM looks at this too before it loads anything. */
const needed: Readonly<Record<string, string>> = {
  '--enable-auto-tool-choice': '--tool-call-parser',
  '--enable-log-outputs': '--enable-log-requests',
};

const forms: Readonly<Record<string, { what: string; fits: (value: string) => boolean }>> = {
  text: { what: 'a text', fits: () => true },
  object: { what: 'JSON', fits: isJson },
  size: { what: 'a number, or one like 32k', fits: (value) => /^(?:[+-]?[\d_]+|[\d.]+[kmgt]|auto)$/i.test(value) },
  number: { what: 'a number', fits: (value) => value !== '' && !Number.isNaN(Number(value.replaceAll('_', ''))) },
  whole: { what: 'a whole number', fits: (value) => /^[+-]?\d[\d_]*$/.test(value) },
};

/**
 * Reads words as vLLM's parser does: underscores for dashes, `--flag=value`, a flag's beginning where it is the only one, fields of an
 * object as `--flag.field value`. What it says repeats no value, since some are keys.
 */
export function read(words: readonly string[], release: Release): Reading {
  const { flags, version } = release;
  const given: Reading['given'] = [];
  const faults: Fault[] = [];
  for (let at = 0; at < words.length;) {
    let end = at + 1;
    while (end < words.length && !isFlag(words[end]!, flags)) end += 1;
    const found = isFlag(words[at]!, flags) ? find(words[at]!, flags) : 'No flag stands before it.';
    if (typeof found === 'string') faults.push({ at, message: found.replace('vLLM', `vLLM ${version}`) });
    else {
      const { flag, value } = found;
      given.push({ flag, at });
      const behind = words.slice(at + 1, end);
      const most = value === undefined ? mostOf(flags[flag]!) : 0;
      const wrong = judge(flags[flag]!, value === undefined ? behind.slice(0, most) : [value], found);
      if (wrong !== null) faults.push({ at, message: `${flag} ${wrong}` });
      for (const extra of behind.keys().drop(most))
        faults.push({ at: at + 1 + extra, message: `No flag stands before it: ${flag} does not take it.` });
    }
    at = end;
  }
  for (const { flag, at } of given) {
    const other = needed[flag];
    if (other !== undefined && !given.some((one) => one.flag === other))
      faults.push({ at, message: `${flag} needs ${other} too.` });
  }
  return { given, faults };
}

/** As argparse tells flags from values: a negative number is a value, and so is what has a blank in its name. */
function isFlag(word: string, flags: Release['flags']): boolean {
  if (!word.startsWith('-') || word === '-') return false;
  if (Object.hasOwn(flags, word)) return true;
  return !/^-\d+$|^-\d*\.\d+$/.test(word) && !word.split('=', 1)[0]!.includes(' ');
}

/** The flag that a word means, or why it means none. */
function find(word: string, flags: Release['flags']): Found | string {
  const at = word.indexOf('=');
  const value = at === -1 ? undefined : word.slice(at + 1);
  const written = at === -1 ? word : word.slice(0, at);
  // -O3 and -O 3: the level of compilation, which stands in the table under its long name, or under -O before 0.11
  if (written.startsWith('-O')) {
    const flag = Object.hasOwn(flags, '--optimization-level') ? '--optimization-level' : '--compilation-config';
    return { flag, value: value ?? (written.slice(2) || undefined), field: false };
  }
  if (!written.startsWith('--')) return shortFlag(written, value, flags);
  const [name = '', ...fields] = written.split('.');
  const wanted = name.replaceAll('_', '-').replace(/^-+/, '--');
  const fitting = Object.hasOwn(flags, wanted)
    ? [wanted]
    : Object.keys(flags).filter((flag) => wanted.length > 2 && flag.startsWith(wanted));
  if (fitting.length === 1) return { flag: fitting[0]!, value, field: fields.length > 0 };
  if (fitting.length > 1) return `vLLM cannot tell what ${wanted} means: ${fitting.slice(0, 5).join(', ')}?`;
  const near = Object.keys(flags).find((flag) => isNear(flag, wanted));
  return `vLLM has no flag ${wanted}.${near === undefined ? '' : ` Did you mean ${near}?`}`;
}

function shortFlag(written: string, value: string | undefined, flags: Release['flags']): Found | string {
  if (Object.hasOwn(flags, written)) return { flag: written, value, field: false };
  const letter = written.slice(0, 2);
  if (Object.hasOwn(flags, letter) && flags[letter] !== 'nothing')
    return { flag: letter, value: written.slice(2) + (value === undefined ? '' : `=${value}`), field: false };
  return `vLLM has no flag ${written}.`;
}

const mostOf = (takes: Takes): number =>
  takes === 'nothing' ? 0 : typeof takes === 'string' && takes.endsWith('+') ? Infinity : 1;

/** What is wrong with the values of a flag; null: nothing. */
function judge(takes: Takes, values: readonly string[], { value, field }: Found): string | null {
  const kind = typeof takes === 'string' ? takes.replace(/[?+]$/, '') : 'choice';
  if (field) return kind === 'object' || kind === 'text' ? null : 'has no fields.';
  if (kind === 'nothing') return value === undefined ? null : 'takes no value.';
  if (values.length === 0) return String(takes).endsWith('?') ? null : 'needs a value.';
  if (typeof takes !== 'string')
    return takes.includes(values[0]!) ? null : `must be one of ${takes.slice(0, 20).join(', ')}.`;
  const { what, fits } = forms[kind]!;
  // vLLM takes these for nothing where a flag may be left open
  const good = (one: string) => one === '' || one === 'None' || fits(one.trim());
  return values.every(good) ? null : `must be ${what}.`;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** One letter too many, too few, wrong, or two of them in the wrong order. */
function isNear(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let from = 0;
  while (from < one.length && one[from] === other[from]) from += 1;
  const [a, b] = [one.slice(from), other.slice(from)];
  if (a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1)) return true;
  return a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
}
