import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read, type Release } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/arguments.ts';
import { checkArguments } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/check.ts';
import { releases } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/releases/index.ts';
import { askedArguments, goldenLines, plannedLines } from '../vllm/lines.ts';
import { wrongArguments } from '../vllm/wrong.ts';

const releaseOf = (version: string): Release => releases.find((release) => release.version === version)!;
const newest = releases.at(-1)!;

/** Words of a command line without the program, and the model where it stands first. */
function argumentsOf(words: readonly string[]): string[] {
  const program = words[0] === 'vllm' ? ['vllm', 'serve'] : ['python3', '-m', 'vllm.entrypoints.openai.api_server'];
  assert.deepEqual(words.slice(0, program.length), program);
  const rest = words.slice(program.length);
  if (words[0] !== 'vllm') return rest;
  assert.ok(!rest[0]!.startsWith('-'), 'the model stands first');
  return rest.slice(1);
}

/** Releases that an image may hold: its own, else those around it. */
function releasesFor(image: string): readonly Release[] {
  const version = /:v(\d+\.\d+)/.exec(image)?.[1];
  const own = releases.filter((release) => release.version.startsWith(`${version}.`));
  return own.length > 0 ? own : [newest];
}

test('FR-006m, FR-006n: every command line that the planner can make is one that a real vLLM of that release takes', () => {
  let lines = 0;
  for (const { image, words, told } of [...plannedLines(), ...goldenLines()]) {
    lines += 1;
    for (const release of releasesFor(image)) {
      const { faults, given } = read(argumentsOf(words), release);
      assert.deepEqual(faults, [], `${release.version}: ${told}`);
      assert.ok(given.some(({ flag }) => flag === '--served-model-name'));
    }
  }
  assert.ok(lines > 4_000, `${lines} lines`);
  for (const args of askedArguments)
    for (const image of ['vllm/vllm-openai:v0.10.2', 'vllm/vllm-openai:latest'])
      assert.deepEqual(checkArguments(args, image), { refused: [], doubted: [] });
});

test('FR-006m: a wrong argument is refused with its place and its flag where the release is known', () => {
  for (const { args, at, says } of wrongArguments) {
    const { refused } = checkArguments(args, `vllm/vllm-openai:v${newest.version}`);
    assert.deepEqual(
      refused.map(({ path }) => path),
      [`args.${at}`],
      args.join(' '),
    );
    assert.match(refused[0]!.message, says);
  }
});

test('FR-006m: what is known of one release is not held against another, nor against a build of somebody’s own', () => {
  const added = ['--enable-scale-out'];
  const at = (image: string) => checkArguments(added, image);
  assert.match(at('vllm/vllm-openai:v0.10.2').refused[0]!.message, /vLLM 0\.10\.2 has no flag --enable-scale-out/);
  assert.deepEqual(at('vllm/vllm-openai:v0.32.0'), { refused: [], doubted: [] });
  assert.deepEqual(at('vllm/vllm-openai:latest'), { refused: [], doubted: [] });
  // between 0.15.1 and 0.32.0 it came
  assert.deepEqual(at('vllm/vllm-openai:v0.20.0'), { refused: [], doubted: [] });
  for (const image of ['vllm/vllm-openai:v0.12.0', 'me/vllm-patched:0.10.2', 'vllm/vllm-openai:v0.8.0']) {
    const { refused, doubted } = at(image);
    assert.deepEqual(refused, [], image);
    assert.match(doubted.join(), /args\.0: vLLM [\d.]+ has no flag --enable-scale-out\..*may take it/, image);
  }
});

test('FR-006m: what the platform decides cannot be overridden by an argument, whatever the image', () => {
  for (const image of ['vllm/vllm-openai:v0.9.1', 'vllm/vllm-openai:latest', 'me/vllm-patched:1'])
    for (const args of [
      ['--port', '80'],
      ['--served_model_name=other'],
      ['--model', 'not/approved'],
      ['--api-key', 'k'],
      ['--served-model', 'x'],
    ]) {
      const { refused } = checkArguments(['--seed', '1', ...args], image);
      assert.deepEqual(
        refused.map(({ path }) => path),
        ['args.2'],
        `${image} ${args.join(' ')}`,
      );
      assert.match(refused[0]!.message, /is set by the platform/);
    }
});

test('FR-006m: no message repeats a value, since some are keys', () => {
  const args = ['--hf-tokn', 'secret-value', '--max-num-seqs', 'secret-value', '--dtype=secret-value', 'secret-value'];
  const { refused } = checkArguments(args, `vllm/vllm-openai:v${newest.version}`);
  assert.equal(refused.length, 4);
  assert.ok(!JSON.stringify(refused).includes('secret'));
});

test('FR-006e: the flags that differ between releases are those that the planner tells apart', () => {
  assert.ok('--device' in releaseOf('0.9.2').flags);
  for (const release of releases.slice(1)) assert.ok(!('--device' in release.flags), release.version);
});
