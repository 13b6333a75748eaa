import type { RouteTarget } from '#domains/serving';
import type { Egress } from '#platform/egress';
import { failure } from '#platform/errors';
import { createDial, createWireClient, type WireCall, type WireClient, type WireHandler } from '#platform/wire';
import type { Operation, Provider } from '#ports/provider';
import type { Address } from '#ports/runtime';

export type Providers = Readonly<Record<string, Provider>>;

/** An operation at an address, ready to be sent to. */
export interface Line {
  provider: Provider;
  /** host and port, for people */
  host: string;
  /** `headers`: further header lines, each with its CRLF. See `WireClient.send` for the rest. */
  send(
    body: readonly Buffer[],
    headers: string,
    timeouts: { connectMs: number; firstByteMs: number; idleMs: number },
    handler: WireHandler,
  ): WireCall;
}

export interface Upstream {
  /**
   * At once for addresses that were used before. Throws `upstream_refused` for an operation that the provider lacks, `egress_refused`
   * for an address that may not be called.
   */
  line(target: RouteTarget, address: Address, operation: Operation): Line | Promise<Line>;
  close(): void;
}

const maximumClients = 500;

/**
 * Connections to engines and providers. Addresses that users gave (external models) are checked by the egress rules, each connection
 * anew; those that the reconciler derived go straight. `localBaseUrl` replaces the address of every internal model.
 */
export function createUpstream(deps: {
  providers: Providers;
  egress: Pick<Egress, 'check' | 'lookup'>;
  localBaseUrl: string | undefined;
}): Upstream {
  const { providers, egress } = deps;
  const clients = new Map<string, WireClient>();
  const lines = new WeakMap<Address, Map<Operation, Line>>();
  const local = deps.localBaseUrl === undefined ? null : `${deps.localBaseUrl.replace(/\/$/, '')}/v1`;

  function clientOf(url: URL, external: boolean): WireClient {
    const key = `${external ? 'external ' : ''}${url.origin}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    if (clients.size >= maximumClients) forgetIdle();
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const origin = { protocol: url.protocol as 'http:' | 'https:', hostname, port };
    const client = createWireClient(createDial(origin, external ? (egress.lookup as never) : undefined));
    clients.set(key, client);
    return client;
  }

  function forgetIdle(): void {
    for (const [key, client] of clients) {
      const { active, idle } = client.stats();
      if (active + idle > 0) continue;
      client.close();
      clients.delete(key);
    }
  }

  function made(target: RouteTarget, address: Address, operation: Operation): Line {
    const provider = providers[address.provider] ?? providers['custom']!;
    const path = provider.path(operation);
    if (path === null) {
      throw failure('upstream_refused', {
        message: `${provider.kind} has no ${operation}s.`,
        remedy: 'Use a route whose model can do that.',
      });
    }
    const base = !target.external && local !== null ? local : address.baseUrl;
    const url = new URL(`${base}${path}`);
    const { origin } = url;
    const head = headOf(url, address.headers);
    return {
      provider,
      host: url.host,
      // looked up at each use: one that was idle for long may have been let go
      send: (body, headers, timeouts, handler) =>
        (clients.get(`${target.external ? 'external ' : ''}${origin}`) ?? clientOf(url, target.external)).send(
          { head: head + headers, body, timeouts },
          handler,
        ),
    };
  }

  return {
    line(target, address, operation) {
      let known = lines.get(address);
      if (known === undefined) lines.set(address, (known = new Map()));
      const line = known.get(operation);
      if (line !== undefined) return line;
      const fresh = made(target, address, operation);
      if (!target.external) {
        known.set(operation, fresh);
        return fresh;
      }
      // a host that is an address is not looked up when it is connected to
      return egress.check(address.baseUrl).then(() => {
        known.set(operation, fresh);
        return fresh;
      });
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

/** Request line and headers that every request to this address has. */
function headOf(url: URL, headers: Readonly<Record<string, string>>): string {
  let head = `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    // oxlint-disable-next-line no-control-regex
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw failure('upstream_failed', {
        message: `The ${name} for this provider holds characters that no header can carry.`,
        remedy: "Enter the provider's API key again on the model's page.",
      });
    }
    head += `${name}: ${value}\r\n`;
  }
  return `${head}content-type: application/json\r\naccept: application/json, text/event-stream\r\nuser-agent: llm-ops\r\n`;
}
