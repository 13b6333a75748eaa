import { failure } from '#platform/errors';

const servePrefix = '/llm-ops/v1/serve/';

interface RouteName {
  /** normalised: leading slash, no trailing one */
  route: string;
  /** what follows the serve prefix, else the whole without its leading slash */
  name: string;
}

/** What is wrong with a name that clients will put into a path; null when nothing is. */
export function faultOfName(name: string): string | null {
  if (name === '') return 'Must name something beyond the slash.';
  if (name.length > 200) return 'At most 200 characters.';
  // oxlint-disable-next-line no-control-regex
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(name)) return 'Must not hold control characters.';
  if (/\s/u.test(name)) return 'Must not hold spaces; use a dash.';
  if (/[?#]/.test(name)) return 'Must not hold "?" or "#".';
  if (/[\\;%"<>^`{|}]/.test(name)) return 'Must not hold any of \\ ; % " < > ^ ` { | }.';
  const segments = name.split('/');
  if (segments.some((segment) => segment === '')) return 'Must not hold an empty segment ("//", or a slash at an end).';
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'Must not hold "." or ".." segments.';
  const last = segments.at(-1)!.toLowerCase();
  if (last === 'chat' || last === 'health') return `Must not end in "${last}": that is where requests go.`;
  return null;
}

/** Trimmed, with a leading slash, without a trailing one. Throws `validation_failed` for what cannot be a path. */
export function normaliseRoute(given: string): RouteName {
  const trimmed = given.trim();
  if (/\/{2,}/.test(trimmed)) throw refused('Must not hold "//".');
  const route = `/${trimmed.replace(/^\//, '').replace(/\/$/, '')}`;
  const name = route.startsWith(servePrefix) ? route.slice(servePrefix.length) : route.slice(1);
  const empty = `${route}/` === servePrefix;
  const fault = route.length > 200 ? 'At most 200 characters.' : faultOfName(empty ? '' : name);
  if (fault !== null) throw refused(fault);
  return { route, name };
}

const refused = (message: string) => failure('validation_failed', { issues: [{ path: 'route', message }] });
