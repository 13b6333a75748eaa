import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { callbackify, promisify } from 'node:util';
import { Agent, buildConnector } from 'undici';
import { failure } from '#platform/errors';
import { addressIn, refused, type EgressRules } from './rules.ts';

/** As `net.connect` takes it. */
export type Lookup = (
  host: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
) => void;

export type Resolve = (host: string) => Promise<LookupAddress[]>;

const systemResolve = promisify(dnsLookup);

/** Asks the system, as everything else on this machine does (hosts file included). */
export const resolveBySystem: Resolve = (host) => systemResolve(host, { all: true, verbatim: true });

/** The addresses of a host, all of them admitted. Throws `egress_refused`, `egress_unreachable`. */
export async function admitted(rules: EgressRules, resolve: Resolve, host: string): Promise<LookupAddress[]> {
  const literal = addressIn(host);
  if (literal !== null) {
    rules.admit(host, literal);
    return [{ address: literal, family: literal.includes(':') ? 6 : 4 }];
  }
  const found = await resolve(host).catch((cause: unknown) => {
    throw failure('egress_unreachable', { message: `The host name ${host} is not known.`, cause });
  });
  if (found.length === 0) throw failure('egress_unreachable', { message: `The host name ${host} has no address.` });
  // one refused address among many is a trick, not a mistake
  for (const { address } of found) rules.admit(host, address);
  return found;
}

/** What was checked is what is connected to: nothing asks the name server a second time. */
export function createLookup(rules: EgressRules, resolve: Resolve): Lookup {
  const answer = callbackify(async (host: string, { family, all }: LookupOptions): Promise<LookupAddress[]> => {
    const found = await admitted(rules, resolve, host);
    const usable = family === 4 || family === 6 ? found.filter((one) => one.family === family) : found;
    const chosen = usable.length > 0 ? usable : found;
    return all ? chosen : chosen.slice(0, 1);
  });
  return (host, options, callback) =>
    answer(host, options, (error, found) => {
      if (error) callback(error, '');
      else if (options.all) callback(null, found);
      else callback(null, found[0]!.address, found[0]!.family);
    });
}

export interface AgentOptions {
  /** only this scheme, host and port, so that its key goes nowhere else */
  origin?: string;
  /** ms to connect */
  connectMs?: number;
  /** ms until the response's headers */
  headersMs?: number;
  /** ms between two pieces of a body */
  idleMs?: number;
  connections?: number;
}

/** An undici dispatcher each of whose connections goes to an admitted address. */
export function createAgent(rules: EgressRules, resolve: Resolve, options: AgentOptions = {}): Agent {
  const connect = buildConnector({
    lookup: createLookup(rules, resolve) as never,
    timeout: options.connectMs ?? 10_000,
    autoSelectFamily: true,
  });
  return new Agent({
    headersTimeout: options.headersMs ?? 60_000,
    bodyTimeout: options.idleMs ?? 60_000,
    ...(options.connections === undefined ? {} : { connections: options.connections }),
    connect(target, callback) {
      try {
        const origin = originOf(target);
        if (options.origin !== undefined && origin !== options.origin) {
          throw refused(`This connection is for ${options.origin}, not for ${origin}.`);
        }
        // an address is connected to without a look-up
        const literal = addressIn(target.hostname);
        if (literal !== null) rules.admit(target.hostname, literal);
      } catch (error) {
        return void callback(error as Error, null);
      }
      connect(target, callback);
    },
  } satisfies Agent.Options);
}

function originOf({ protocol, hostname, port }: buildConnector.Options): string {
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
  return new URL(`${protocol}//${host}${port ? `:${port}` : ''}`).origin;
}
