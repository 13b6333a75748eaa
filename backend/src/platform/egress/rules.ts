import { BlockList, isIP } from 'node:net';
import { failure } from '#platform/errors';
import { addSubnet, classify, contains } from './address.ts';

export interface EgressRules {
  /** Refuses what can be told from the text alone. Throws `egress_refused`. */
  parse(url: string | URL): URL;
  /** Refuses an address that this host name leads to. Throws `egress_refused`. */
  admit(host: string, address: string): void;
}

const maxUrlLength = 8_192;

/** `allow`: `ollama`, `*.svc.cluster.local`, `10.0.0.0/8`, `192.168.1.7`: hosts and networks that may be private. */
export function createRules(options: { allow: readonly string[]; allowLoopback: boolean }): EgressRules {
  const networks = new BlockList();
  const hosts: RegExp[] = [];
  for (const entry of options.allow.map((one) => one.trim()).filter((one) => one !== '')) {
    if (!addSubnet(networks, entry.replace(/^\[(.*)\]$/, '$1'))) hosts.push(globOf(entry));
  }
  return {
    parse(input) {
      const text = String(input);
      if (text.length > maxUrlLength) throw refused('The URL is too long.');
      if (!URL.canParse(text)) throw refused('This is not a URL.');
      const url = new URL(text);
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused('Only http and https are called.');
      if (url.username !== '' || url.password !== '') throw refused('A URL may not hold a user name or password.');
      if (url.hostname === '') throw refused('The URL names no host.');
      const literal = addressIn(url.hostname);
      if (literal !== null) this.admit(url.hostname, literal);
      return url;
    },
    admit(host, address) {
      const kind = classify(address);
      if (kind === 'public') return;
      const refusal = `${bare(host)} leads to ${address}, which is ${words[kind]}.`;
      if (kind === 'never') throw refused(refusal, 'Use another address: this kind is never called.');
      if (kind === 'loopback' && options.allowLoopback) return;
      if (contains(networks, address) || hosts.some((glob) => glob.test(bare(host)))) return;
      throw refused(refusal);
    },
  };
}

const words = {
  never: 'a link-local, metadata, multicast or reserved address',
  loopback: 'this machine itself',
  private: 'a private address',
};

const bare = (host: string) =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

/** The address that a host name of a URL is, null when it is a name. */
export function addressIn(host: string): string | null {
  const plain = host.replace(/^\[(.*)\]$/, '$1');
  return isIP(plain) === 0 ? null : plain;
}

function globOf(text: string): RegExp {
  const escaped = bare(text).replace(/[.+^${}()|[\]\\?]/g, '\\$&');
  // a star stands for one or more labels
  return new RegExp(`^${escaped.replaceAll('*', '[a-z0-9_-]+(\\.[a-z0-9_-]+)*')}$`);
}

export function refused(message: string, remedy?: string) {
  return failure('egress_refused', { message, ...(remedy === undefined ? {} : { remedy }) });
}
