import { Agent, request as send, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Manifest } from '../types.ts';

/** An answer of the API server that is not a success; `reason` is Kubernetes' own word: NotFound, Conflict, Forbidden, Expired … */
export class ClusterError extends Error {
  override name = 'ClusterError';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The API server cannot be reached, or did not answer in time. */
export class ClusterUnreachable extends Error {
  override name = 'ClusterUnreachable';
}

export interface ClusterClient {
  /** as its kubeconfig calls it */
  name(): string;
  /** `https://10.0.0.1:6443` */
  server(): string;
  /** JSON of a path such as `/api/v1/nodes`. Throws `ClusterError`, `ClusterUnreachable`. */
  get<T>(path: string, query?: Query): Promise<T>;
  text(path: string, query?: Query): Promise<string>;
  /** Lines of an answer that may never end, as they come, until it does or `signal` aborts. */
  lines(path: string, query: Query, signal: AbortSignal): AsyncIterable<string>;
  /** Server-side apply under the platform's field manager; `force` takes fields over from others. Answers the object as it is now. */
  apply<T = Manifest>(
    manifest: Manifest,
    options?: { force?: boolean; dryRun?: boolean; manager?: string },
  ): Promise<T>;
  /** No error when it is not there. */
  remove(kind: ResourceKind, namespace: string | null, name: string): Promise<void>;
  removeAll(kind: ResourceKind, namespace: string, labelSelector: string): Promise<void>;
  /** Reads a watch line by line until it ends or `signal` aborts. */
  watch(path: string, query: Query, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: { metadata?: { resourceVersion?: string }; code?: number; reason?: string; message?: string };
}
export type Query = Record<string, string | number | boolean | undefined>;

export interface ResourceKind {
  apiVersion: string;
  kind: string;
}

export const fieldManager = 'llm-ops';

/** Plurals that do not follow from the kind by adding an s. */
const plurals: Record<string, string> = {
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
  EndpointSlice: 'endpointslices',
};
const clusterWide = new Set([
  'Namespace',
  'Node',
  'StorageClass',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
]);

/** Path of a collection of objects, or of one. */
export function pathOf({ apiVersion, kind }: ResourceKind, namespace: string | null, name?: string): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const where =
    clusterWide.has(kind) || namespace === null ? group : `${group}/namespaces/${encodeURIComponent(namespace)}`;
  return `${where}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

export interface ClientOptions {
  timeoutMs?: number;
  /** For each request; status 0: there was no answer. */
  onAnswer?(request: { method: string; status: number }): void;
}

/**
 * A thin client of the Kubernetes API on keep-alive connections. Credentials come from `@kubernetes/client-node` (kubeconfig, exec plugins,
 * tokens that are renewed in a pod) and are read again when they no longer hold; its generated client is not used: 700 classes for the five calls that are needed.
 */
export function createClusterClient(
  load: () => KubeConfig,
  { timeoutMs = 30_000, onAnswer = () => {} }: ClientOptions = {},
): ClusterClient {
  let config = load();
  let base = serverOf(config);
  const agent = new Agent({ keepAlive: true, maxSockets: 32, keepAliveMsecs: 10_000 });
  // what is followed keeps its connection, and must not keep calls waiting for theirs
  const followers = new Agent({ keepAlive: true, keepAliveMsecs: 10_000 });

  /** Who is no longer trusted, or no longer trusts us, may have new credentials in the file. */
  function reload(): void {
    try {
      config = load();
      base = serverOf(config);
    } catch {
      // being written right now: the next try reads it
    }
  }

  async function open(
    method: string,
    path: string,
    query: Query,
    body: { type: string; text: string } | null,
    signal: AbortSignal | undefined,
    waitMs: number,
  ): Promise<IncomingMessage> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const options: RequestOptions = {
      method,
      protocol: base.protocol,
      hostname: base.hostname,
      port: base.port || 443,
      path: `${base.pathname.replace(/\/$/, '')}${path}${search.size > 0 ? `?${search}` : ''}`,
      headers: { accept: 'application/json', ...(body === null ? {} : { 'content-type': body.type }) },
    };
    // each time: a token may have been renewed
    await config.applyToHTTPSOptions(options);
    options.agent = signal === undefined ? agent : followers;
    return new Promise((resolve, reject) => {
      const request = send(options, resolve);
      const late = setTimeout(() => request.destroy(new Error(`no answer in ${waitMs} ms`)), waitMs);
      request.once('response', ({ statusCode = 0 }) => {
        clearTimeout(late);
        onAnswer({ method, status: statusCode });
      });
      request.once('error', (error) => {
        clearTimeout(late);
        onAnswer({ method, status: 0 });
        if (/CERT|SELF_SIGNED|ISSUER|SIGNATURE/.test((error as NodeJS.ErrnoException).code ?? '')) reload();
        reject(new ClusterUnreachable(`The Kubernetes API at ${base.host} did not answer: ${error.message}`));
      });
      signal?.addEventListener('abort', () => request.destroy(new Error('aborted')), { once: true });
      request.end(body?.text);
    });
  }

  async function read(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    const late = setTimeout(() => response.destroy(new Error(`no end in ${timeoutMs} ms`)), timeoutMs);
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw new ClusterUnreachable(`The Kubernetes API at ${base.host} broke off: ${(error as Error).message}`);
    } finally {
      clearTimeout(late);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async function call(
    method: string,
    path: string,
    query: Query = {},
    body: { type: string; text: string } | null = null,
  ) {
    const response = await open(method, path, query, body, undefined, timeoutMs);
    const text = await read(response);
    if (response.statusCode! < 300) return text;
    if (response.statusCode === 401) reload();
    throw errorOf(response.statusCode!, text);
  }

  return {
    name: () => config.getCurrentCluster()?.name ?? 'cluster',
    server: () => base.origin,
    get: async <T>(path: string, query?: Query) => JSON.parse(await call('GET', path, query)) as T,
    text: (path, query) => call('GET', path, query),

    async apply<T>(
      manifest: Manifest,
      {
        force = true,
        dryRun = false,
        manager = fieldManager,
      }: { force?: boolean; dryRun?: boolean; manager?: string } = {},
    ) {
      const path = pathOf(manifest, manifest.metadata.namespace ?? null, manifest.metadata.name);
      const query = { fieldManager: manager, force, ...(dryRun ? { dryRun: 'All' } : {}) };
      // JSON is YAML
      const text = await call('PATCH', path, query, {
        type: 'application/apply-patch+yaml',
        text: JSON.stringify(manifest),
      });
      return JSON.parse(text) as T;
    },

    async remove(kind, namespace, name) {
      try {
        await call('DELETE', pathOf(kind, namespace, name), { propagationPolicy: 'Background' });
      } catch (error) {
        if (!(error instanceof ClusterError && error.status === 404)) throw error;
      }
    },

    async removeAll(kind, namespace, labelSelector) {
      try {
        await call('DELETE', pathOf(kind, namespace), { labelSelector, propagationPolicy: 'Background' });
      } catch (error) {
        if (!(error instanceof ClusterError && error.status === 404)) throw error;
      }
    },

    async watch(path, query, onEvent, signal) {
      for await (const line of linesOf(path, { ...query, watch: true }, signal, timeoutMs))
        if (line !== '') onEvent(JSON.parse(line) as WatchEvent);
    },

    // the head of an answer comes with its first line, which may be written much later
    lines: (path, query, signal) => linesOf(path, query, signal, quietMs),

    close() {
      agent.destroy();
      followers.destroy();
    },
  };

  async function* linesOf(path: string, query: Query, signal: AbortSignal, waitMs: number): AsyncGenerator<string> {
    const response = await open('GET', path, query, null, signal, waitMs);
    if (response.statusCode! >= 300) throw errorOf(response.statusCode!, await read(response));
    const stop = () => response.destroy();
    signal.addEventListener('abort', stop, { once: true });
    let rest = '';
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) {
        const lines = (rest + (chunk as string)).split('\n');
        rest = lines.pop()!;
        yield* lines;
      }
      if (rest !== '') yield rest;
    } catch (error) {
      if (!signal.aborted) throw new ClusterUnreachable(`What followed ${path} broke off: ${(error as Error).message}`);
    } finally {
      signal.removeEventListener('abort', stop);
      response.destroy();
    }
  }
}

/** how long a log that is followed may begin with silence */
const quietMs = 24 * 3_600_000;

function serverOf(config: KubeConfig): URL {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('The kubeconfig has no current cluster.');
  return new URL(cluster.server);
}

function errorOf(status: number, text: string): ClusterError {
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    return new ClusterError(status, reason ?? String(status), message ?? text.slice(0, 500));
  } catch {
    return new ClusterError(status, String(status), text.slice(0, 500));
  }
}
