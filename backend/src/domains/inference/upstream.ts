import { Agent, type Dispatcher } from 'undici';
import type { ResolvedTarget } from '#domains/serving';

export interface UpstreamAnswer {
  status: number;
  contentType: string;
  body: Dispatcher.ResponseData['body'];
}

export interface Upstream {
  /** Posts to the revision; throws what undici throws (`UND_ERR_…`, `ECONN…`), or AbortError when `signal` fires. */
  post(target: ResolvedTarget, path: string, body: string, signal: AbortSignal): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

/**
 * Connections to engines and providers. Addresses that users gave (external providers) go through `checkedAgent`, which checks and
 * pins each connection; those that the reconciler derived go straight. `localBaseUrl` replaces the address of every internal model.
 */
export function createUpstream(deps: {
  checkedAgent(url: URL): Dispatcher;
  localBaseUrl: string | undefined;
}): Upstream {
  const direct = new Agent({
    connections: 256,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: 5000, noDelay: true } as never,
  });
  const agents = new Map<string, Dispatcher>();
  const agentOf = (url: URL): Dispatcher => {
    const known = agents.get(url.origin);
    if (known !== undefined) return known;
    const agent = deps.checkedAgent(url);
    agents.set(url.origin, agent);
    return agent;
  };
  return {
    async post(target, path, body, signal) {
      const base =
        !target.external && deps.localBaseUrl !== undefined
          ? `${deps.localBaseUrl.replace(/\/$/, '')}/v1`
          : target.address.baseUrl;
      const url = new URL(`${base}${path}`);
      const response = await (target.external ? agentOf(url) : direct).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: {
          ...target.address.headers,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body,
        signal,
        headersTimeout: target.timeouts.firstTokenMs ?? 300_000,
        bodyTimeout: target.timeouts.idleMs ?? 120_000,
      });
      const type = response.headers['content-type'];
      return {
        status: response.statusCode,
        contentType: typeof type === 'string' ? type : 'application/json',
        body: response.body,
      };
    },
    async close() {
      await Promise.all([direct, ...agents.values()].map((agent) => agent.destroy()));
    },
  };
}
