import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { read, type Release } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/arguments.ts';
import { releases } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/releases/index.ts';
import { installedVllm, type InstalledVllm } from './installed.ts';
import { goldenLines, plannedLines } from './lines.ts';
import { wrongArguments } from './wrong.ts';

/** What `npm test` holds command lines against, held against the vLLM itself that is installed here. */
let vllm: InstalledVllm;
let release: Release;

before(async () => {
  vllm = await installedVllm();
  release = await vllm.record();
});
after(() => vllm?.remove());

test('FR-006m: the kept command line of the release is the one that it has', () => {
  const kept = releases.find(({ version }) => version === release.version);
  assert.ok(kept, `vLLM ${release.version} is not among the kept ones`);
  assert.deepEqual(kept, release);
});

test('FR-006m, FR-006n: it takes every command line that the planner makes for it', async () => {
  const [major, minor] = release.version.split('.');
  const isIts = (image: string) =>
    image.includes(`:v${major}.${minor}.`) || (isNewest() && /:latest$|@sha256/.test(image));
  const lines = [...plannedLines(), ...goldenLines()].filter(({ image }) => isIts(image)).map(({ words }) => words);
  const distinct = [...new Map(lines.map((words) => [words.join(' '), words])).values()];
  assert.ok(distinct.length > 100, `${distinct.length} lines`);
  const answers = await vllm.judge(distinct);
  assert.deepEqual(
    answers.flatMap((said, at) => (said === null ? [] : [`${distinct[at]!.join(' ')}: ${said}`])),
    [],
  );
  console.log(`vLLM ${release.version} takes ${distinct.length} distinct command lines.`);
});

/** What each flag takes, and what it does not, where that can be told from its kind. */
function samples({ flags }: Release): string[][] {
  const values: Record<string, { good: string[]; bad: string[] }> = {
    nothing: { good: [], bad: ['=yes'] },
    whole: { good: ['7'], bad: ['seven'] },
    number: { good: ['0.5'], bad: ['half'] },
    size: { good: ['4k'], bad: ['4x'] },
    object: { good: ['{}'], bad: ['{'] },
    text: { good: ['word'], bad: [] },
  };
  return Object.entries(flags).flatMap(([flag, takes]) => {
    if (typeof takes !== 'string') return [[flag, takes[0]!], [flag, 'none-such'], [flag]];
    const kind = takes.replace(/[?+]$/, '');
    const { good, bad } = values[kind]!;
    const glued = (value: string) => (value.startsWith('=') ? [`${flag}${value}`] : [flag, value]);
    return [[flag, ...good], ...bad.map(glued), ...(kind === 'nothing' ? [] : [[flag]])];
  });
}

/** Flags that it looks at further than at the kind of their values. */
const further =
  /--(?:help|config|chat-template|lora-modules|model|grpc-port|collect-detailed-traces|data-parallel-multi-port-external-lb)|^-(?:O|dpm)/;

test('FR-006m: our reading of arguments agrees with its own, for every flag with right and wrong values', async () => {
  const asked = [...samples(release).filter(([flag]) => !further.test(flag!)), ...wrongOf()];
  const answers = await vllm.judge(asked.map((words) => ['vllm', 'serve', 'a/model', ...words]));
  const wrong = asked.flatMap((words, at) => {
    const ours = read(words, release).faults.map(({ message }) => message);
    const said = answers[at] ?? null;
    return (said === null) === (ours.length === 0) ? [] : [{ words, ours, said }];
  });
  assert.deepEqual(wrong, []);
  console.log(`Agreed on ${asked.length} command lines, of which it refuses ${answers.filter(Boolean).length}.`);
});

/** The wrong arguments are those of the newest release; older ones have other flags. */
const wrongOf = (): string[][] => (isNewest() ? wrongArguments.map(({ args }) => [...args]) : []);
const isNewest = () => release.version === releases.at(-1)!.version;
