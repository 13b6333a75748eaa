import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { failure, type Issue } from '#platform/errors';
import { defaultOf } from './defaults.ts';
import { options, type OptionName, type Settings } from './schema.ts';

export type { Settings } from './schema.ts';
export { envExample, setupGuide } from './render.ts';

type Source = 'default' | 'environment' | '.env' | 'backend/.env';

/** Configuration in force: values by name, and where each came from. */
export interface Config {
  settings: Settings;
  sourceOf(name: OptionName): Source;
  /** Everything for a person to read; secrets masked. */
  describe(): {
    name: string;
    value: string | null;
    default: string | null;
    source: Source;
    secret: boolean;
    group: string;
    description: string;
  }[];
}

/**
 * Reads the environment, then `.env` of the working directory, then `backend/.env` (the first that has a name wins). Names are
 * case-insensitive, empty means unset. Throws `configuration_invalid` naming each option, the shape it wants and the fix; never a secret.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env, directory: string = process.cwd()): Config {
  const layers: [Source, Map<string, string>][] = [
    ['environment', upper(environment)],
    ['.env', upper(readEnv(path.join(directory, '.env')))],
    ['backend/.env', upper(readEnv(path.join(directory, 'backend', '.env')))],
  ];
  const sources = new Map<OptionName, Source>();
  const raw = new Map<OptionName, string>();
  const issues: Issue[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options) as [OptionName, (typeof options)[OptionName]][]) {
    const found = layers.find(([, values]) => (values.get(name) ?? '') !== '');
    const value = found?.[1].get(name);
    sources.set(name, found?.[0] ?? 'default');
    if (value !== undefined) raw.set(name, value);
    const parsed = option.schema.safeParse(value);
    if (parsed.success) settings[name] = parsed.data;
    else
      issues.push({
        path: name,
        message: `${parsed.error.issues[0]?.message ?? 'Not valid.'} ${shapeOf(value, 'secret' in option && option.secret === true)} (from ${sources.get(name)})`,
      });
  }
  if (issues.length > 0) {
    throw failure('configuration_invalid', {
      issues,
      message: `Configuration is not right: ${issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ')}`,
    });
  }
  return {
    settings: settings as Settings,
    sourceOf: (name) => sources.get(name) ?? 'default',
    describe: () =>
      (Object.entries(options) as [OptionName, (typeof options)[OptionName]][]).map(([name, option]) => {
        const secret = 'secret' in option && option.secret === true;
        const given = raw.get(name);
        const fallback = defaultOf(name);
        return {
          name,
          value: secret && given !== undefined ? '••••••••' : (given ?? fallback),
          default: fallback,
          source: sources.get(name) ?? 'default',
          secret,
          group: option.group,
          description: option.description,
        };
      }),
  };
}

function shapeOf(value: string | undefined, secret: boolean): string {
  if (value === undefined) return 'It is not set.';
  return secret ? `Given: a text of ${value.length} characters.` : `Given: "${value.slice(0, 80)}".`;
}

function readEnv(file: string): Record<string, string | undefined> {
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

function upper(values: Record<string, string | undefined>): Map<string, string> {
  const result = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    // An exact upper-case name wins over a lower-case twin.
    if (value !== undefined && (!result.has(name.toUpperCase()) || name === name.toUpperCase()))
      result.set(name.toUpperCase(), value.trim());
  }
  return result;
}
