import { createHash } from 'node:crypto';
import type { Said } from '#platform/words';
import type { Difference } from './spec.ts';
import type { ServingSpec } from './types.ts';

/**
 * Environment variables may hold what must not be shown: a difference in them names the variables and shows only short digests, enough
 * to see which are equal.
 */
export function withoutSecrets<T extends Difference>(difference: T): T {
  if (difference.path === 'args')
    return { ...difference, before: shownArgs(difference.before), after: shownArgs(difference.after) };
  if (difference.path !== 'env') return difference;
  return { ...difference, before: digestsOf(difference.before), after: digestsOf(difference.after) };
}

/** Arguments, of which those that are secrets are hidden. */
function shownArgs(args: unknown): unknown {
  return Array.isArray(args) ? args.map(concealer({ env: {}, args: args as string[] }, [])) : args;
}

const digestOf = (value: string) => `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 8)}`;

/** Variables by name, each with a short digest of its value. */
export function digestsOf(env: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries((env ?? {}) as Record<string, string>).map(([name, value]) => [name, digestOf(value)]),
  );
}

type Manifest = Record<string, unknown>;
type Secret = Pick<ServingSpec, 'env' | 'args'>;
interface Variable {
  name: string;
  value?: string;
}

/** a name of a variable or option whose value nobody should read */
const secretName = /key|token|secret|passw|credential|auth/i;
/** keys that tell themselves by their form, and what stands in a URL before the host */
const secretForms = [
  /\b(hf_|sk-|lo_|glpat-|ghp_|xox[abp]-)[A-Za-z0-9_-]{12,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+/g,
  /(?<=\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi,
  /(?<=:\/\/[^\s/:@]{1,100}:)[^\s/@]{3,200}(?=@)/g,
];
const hidden = '[redacted]';

/**
 * Takes out of a text what a revision was given as secrets, the platform's own (`known`), and what looks like a key: engines print their
 * arguments when they start.
 */
export function concealer(spec: Secret, known: readonly string[]): (text: string) => string {
  const values = [...known, ...secretEnv(spec.env), ...secretArgs(spec.args)].filter((value) => value.length >= 6);
  // the longest first: one may be part of another
  const all = [...new Set(values)].toSorted((a, b) => b.length - a.length);
  return (text) => {
    const plain = all.reduce((rest, value) => rest.replaceAll(value, hidden), text);
    return secretForms.reduce((rest, form) => rest.replace(form, hidden), plain);
  };
}

/** Something told, with nothing secret in its message nor in what was put into it. */
export const concealed = <T extends { message: string; said?: Said | undefined }>(
  told: T,
  conceal: (text: string) => string,
): T => ({
  ...told,
  message: conceal(told.message),
  ...(told.said && { said: mapped(told.said, (found) => found, conceal) as Said }),
});

const secretEnv = (env: Record<string, string>) =>
  Object.entries(env).flatMap(([name, value]) => (secretName.test(name) ? [value] : []));

/** `--api-key VALUE` and `--api-key=VALUE`. */
function secretArgs(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [, name = '', value] = /^--?([A-Za-z0-9_-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    // token counts are no tokens
    if (!secretName.test(name) || /tokens|keys|tokenizer|author/i.test(name)) return [];
    const given = value ?? args[at + 1];
    return given === undefined || (value === undefined && given.startsWith('-')) ? [] : [given];
  });
}

/** Manifests as they may be shown: of the variables that the request set, short digests; of secret arguments, nothing. */
export function shownManifests(manifests: readonly Manifest[], spec: Secret, known: readonly string[]): Manifest[] {
  const conceal = concealer(spec, known);
  const variable = (found: Variable) =>
    found.value !== undefined && Object.hasOwn(spec.env, found.name)
      ? { ...found, value: digestOf(found.value) }
      : found;
  return manifests.map((manifest) => mapped(manifest, variable, conceal) as Manifest);
}

/** Manifests to keep in Git: variables that the request set refer to a Secret, which whoever applies them makes. */
export function exportedManifests(
  manifests: readonly Manifest[],
  spec: Secret,
  known: readonly string[],
  secret: string,
): Manifest[] {
  const conceal = concealer(spec, known);
  const variable = ({ name, value, ...rest }: Variable) =>
    value !== undefined && Object.hasOwn(spec.env, name)
      ? { name, valueFrom: { secretKeyRef: { name: secret, key: name } } }
      : { name, ...(value === undefined ? {} : { value }), ...rest };
  return manifests.map((manifest) => mapped(manifest, variable, conceal) as Manifest);
}

/** Values found in a cluster may be of variables that we know nothing of: all of them are shown as digests. */
export function shownValue(path: string, value: unknown, conceal: (text: string) => string): unknown {
  if (!/\benv\[/.test(path)) return mapped(value, (found) => found, conceal);
  if (typeof value === 'string') return digestOf(value);
  const { name, value: text, ...rest } = (value ?? {}) as Partial<Variable>;
  return value === null || text === undefined ? value : { name, value: digestOf(text), ...rest };
}

/** Variables are where a list of the name `env` holds things with a name, or an object under `env` values by name. */
function mapped(node: unknown, variable: (found: Variable) => object, conceal: (text: string) => string): unknown {
  if (typeof node === 'string') return conceal(node);
  if (Array.isArray(node)) return node.map((one) => mapped(one, variable, conceal));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (key !== 'env' || typeof value !== 'object' || value === null) return [key, mapped(value, variable, conceal)];
      if (Array.isArray(value)) return [key, value.map((one) => mapped(variable(one as Variable), variable, conceal))];
      const listed = Object.entries(value as Record<string, string>).map(([name, text]) => {
        const { value: shown } = variable({ name, value: text }) as Variable;
        return [name, shown ?? hidden];
      });
      return [key, Object.fromEntries(listed)];
    }),
  );
}
