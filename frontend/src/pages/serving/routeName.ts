const servePrefix = '/llm-ops/v1/serve/';

/** What is wrong with a route; a key of `serving.route.fault`. */
export type RouteFault =
  | 'empty'
  | 'long'
  | 'control'
  | 'spaces'
  | 'query'
  | 'forbidden'
  | 'slashes'
  | 'dots'
  | 'reserved';

export interface RoutePreview {
  /** with a leading slash, without a trailing one */
  route: string;
  /** what clients ask for */
  name: string;
  fault: RouteFault | null;
}

function faultOf(name: string): RouteFault | null {
  if (name === '') return 'empty';
  // oxlint-disable-next-line no-control-regex
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(name)) return 'control';
  if (/\s/u.test(name)) return 'spaces';
  if (/[?#]/.test(name)) return 'query';
  if (/[\\;%"<>^`{|}]/.test(name)) return 'forbidden';
  const segments = name.split('/');
  if (segments.includes('')) return 'slashes';
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'dots';
  return ['chat', 'health'].includes(segments.at(-1)!.toLowerCase()) ? 'reserved' : null;
}

/** What the platform will make of a typed route: the service decides by the same rules when it is sent. */
export function previewRoute(given: string): RoutePreview {
  const trimmed = given.trim();
  const route = `/${trimmed.replace(/^\//, '').replace(/\/$/, '')}`;
  const name = route.startsWith(servePrefix) ? route.slice(servePrefix.length) : route.slice(1);
  if (/\/{2,}/.test(trimmed)) return { route, name, fault: 'slashes' };
  return { route, name, fault: route.length > 200 ? 'long' : faultOf(name) };
}

/** The name under which clients ask for a route. */
export const nameOfRoute = (route: string): string => previewRoute(route).name;

/** A route to begin with, made of a model's name. */
export function suggestRoute(modelName: string): string {
  const name = modelName
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}._/-]+/gu, '-')
    .replaceAll(/\/{2,}/g, '/');
  return previewRoute(`/${name.replaceAll(/^[/.-]+|[/.-]+$/g, '')}`).route;
}
