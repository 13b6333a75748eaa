import { BlockList, isIP } from 'node:net';

/** `never`: unspecified, link-local, metadata services, multicast, reserved. */
export type AddressClass = 'never' | 'loopback' | 'private' | 'public';

function list(...subnets: string[]): BlockList {
  const blocks = new BlockList();
  for (const subnet of subnets) addSubnet(blocks, subnet);
  return blocks;
}

/** Adds `10.0.0.0/8`, `fd00::/8` or a single address; false when it is none of these. */
export function addSubnet(blocks: BlockList, text: string): boolean {
  const [address = '', bits, rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest !== undefined) return false;
  const width = family === 4 ? 32 : 128;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > width)) return false;
  blocks.addSubnet(address, bits === undefined ? width : Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return true;
}

const never = list(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // metadata services outside of link-local: Alibaba, Oracle, Azure
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254',
  'fd20:ce::254',
  // local-use NAT64 (RFC 8215): where it leads depends on the network
  '64:ff9b:1::/48',
);
const loopback = list('127.0.0.0/8', '::1/128');
const privateOnes = list(
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fec0::/10',
);

export const contains = (blocks: BlockList, address: string) =>
  blocks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');

/** What an address is; an IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as itself. */
export function classify(address: string): AddressClass {
  const family = isIP(address);
  if (family === 0) return 'never';
  const plain = address.split('%')[0]!;
  if (contains(never, plain)) return 'never';
  if (contains(loopback, plain)) return 'loopback';
  if (family === 6) {
    const inner = embeddedIpv4(plain);
    if (inner !== null) {
      const class4 = classify(inner);
      if (class4 !== 'public') return class4;
    }
  }
  return contains(privateOnes, plain) ? 'private' : 'public';
}

function embeddedIpv4(address: string): string | null {
  const groups = expand(address);
  const is = (...first: number[]) => first.every((value, index) => groups[index] === value);
  const at = (index: number, flip = 0) => {
    const high = groups[index]! ^ flip;
    const low = groups[index + 1]! ^ flip;
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  };
  if (is(0, 0, 0, 0, 0, 0xffff) || is(0, 0, 0, 0, 0xffff, 0) || is(0x64, 0xff9b, 0, 0, 0, 0)) return at(6);
  if (is(0, 0, 0, 0, 0, 0)) return at(6);
  if (is(0x2002)) return at(1);
  if (is(0x2001, 0)) return at(6, 0xffff);
  return null;
}

/** The eight groups of an IPv6 address. */
function expand(address: string): number[] {
  // the URL parser writes every form the same way, with the last 32 bits in hex
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
