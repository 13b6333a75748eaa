import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { scenarios, type Scenario } from './scenarios.ts';

export const otherNames = ['plain', 'fastify', 'portkey', 'litellm'] as const;
export type OtherName = (typeof otherNames)[number];

export interface Options {
  others: OtherName[];
  /** Our servers that are wanted, with the project's folder. */
  roots: { name: 'ours' | 'ours-b'; root: string }[];
  scenarios: Scenario[];
  rounds: number;
  scale: number;
  /** Our gateways run in a process of their own, beside the control plane's. */
  apart: boolean;
  /** Folder for the CPU profile, which is kept; null: none. */
  profile: string | null;
}

const projectRoot = path.resolve(import.meta.dirname, '../..');
const peerNames = [...otherNames, 'ours'] as const;
const scenarioNames = scenarios.map(({ name }) => name);

const help = `npm run bench:gateway -- [options]
  --peers LIST      of ${peerNames.join(',')}; all by default. The upstream itself is always asked too.
  --scenarios LIST  of ${scenarioNames.join(',')}; all by default
  --rounds N        every peer is measured in every scenario in each; 5 by default
  --scale N         times the requests of a measurement; 1 by default
  --root PATH       project whose server is "ours"; this one by default
  --root-b PATH     another one, as a further peer "ours-b"; with its own node_modules (cp -al node_modules PATH/)
  --apart           measure our gateway as a process of its own (ROLES=gateway), the control plane beside it
  --profile         take a CPU profile of our server and tell where it spent most`;

/** Ends the process with the help text when asked for it, or with what is wrong. */
export function readOptions(args: string[]): Options {
  try {
    return parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exit(2);
  }
}

function parse(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      peers: { type: 'string', default: peerNames.join(',') },
      scenarios: { type: 'string', default: scenarioNames.join(',') },
      rounds: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      root: { type: 'string', default: projectRoot },
      'root-b': { type: 'string' },
      apart: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const peers = listOf('peers', values.peers, peerNames);
  const wanted = listOf('scenarios', values.scenarios, scenarioNames);
  const second = values['root-b'];
  return {
    others: otherNames.filter((name) => peers.includes(name)),
    roots: [
      ...(peers.includes('ours') ? [{ name: 'ours' as const, root: path.resolve(values.root) }] : []),
      ...(second === undefined ? [] : [{ name: 'ours-b' as const, root: path.resolve(second) }]),
    ],
    scenarios: scenarios.filter(({ name }) => wanted.includes(name)),
    rounds: positive('rounds', values.rounds),
    scale: positive('scale', values.scale),
    apart: values.apart,
    profile: values.profile ? mkdtempSync(path.join(tmpdir(), 'llm-ops-profile-')) : null,
  };
}

function listOf<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !known.some((each) => each === name));
  if (unknown.length > 0) throw new Error(`--${option}: no ${unknown.join(', ')}. Choose from ${known.join(', ')}.`);
  return known.filter((name) => names.includes(name));
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${option}: write a number above 0, not ${text}.`);
  return value;
}
