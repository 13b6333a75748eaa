import type { RouteTarget } from '#domains/serving';
import type { Address } from '#ports/runtime';

/** One replica of one target. */
export interface Destination {
  target: RouteTarget;
  address: Address;
  /** what breakers and counts know it by */
  key: string;
}

export interface ChoiceWorld {
  /** whether a replica may be asked at all just now */
  available(key: string): boolean;
  /** requests under way to it */
  load(key: string): number;
  /** replicas that this request tried already */
  tried: readonly string[];
  /** 0 ≤ random < 1 */
  random(): number;
}

const names = new WeakMap<Address, { revisionId: string; key: string; host: string }>();

/** An address is the same object as long as nobody changes it, and its names are made once. */
function namesOf(revisionId: string, address: Address): { key: string; host: string } {
  let known = names.get(address);
  if (known === undefined || known.revisionId !== revisionId) {
    const { baseUrl } = address;
    known = { revisionId, key: `${revisionId} ${baseUrl}`, host: hostIn(baseUrl) };
    names.set(address, known);
  }
  return known;
}

export const keyOf = (target: RouteTarget, address: Address): string => namesOf(target.revisionId, address).key;

/**
 * Where a request goes next: of the targets with the lowest rank that can be asked, one by weight; of its replicas, the less busy of
 * two taken at random (power of two choices). Replicas that were tried are left out; null when nothing is left. Pure but for `world`.
 */
export function chooseDestination(targets: readonly RouteTarget[], world: ChoiceWorld): Destination | null {
  if (targets.length === 1) return replicaOf(targets[0]!, world);
  let left = targets.filter((target) => replicasOf(target, world).length > 0);
  while (left.length > 0) {
    const rank = Math.min(...left.map((target) => target.rank));
    const target = byWeight(
      left.filter((one) => one.rank === rank),
      world.random(),
    );
    const found = replicaOf(target, world);
    if (found !== null) return found;
    left = left.filter((one) => one !== target);
  }
  return null;
}

function replicasOf(target: RouteTarget, world: ChoiceWorld): Destination[] {
  const found: Destination[] = [];
  for (const address of target.addresses) {
    const key = keyOf(target, address);
    if (isOpen(key, world)) found.push({ target, address, key });
  }
  return found;
}

const isOpen = (key: string, world: ChoiceWorld): boolean => !world.tried.includes(key) && world.available(key);

function replicaOf(target: RouteTarget, world: ChoiceWorld): Destination | null {
  const { addresses } = target;
  if (addresses.length === 1) {
    const key = keyOf(target, addresses[0]!);
    return isOpen(key, world) ? { target, address: addresses[0]!, key } : null;
  }
  const replicas = replicasOf(target, world);
  if (replicas.length <= 1) return replicas[0] ?? null;
  const one = Math.floor(world.random() * replicas.length);
  const other = (one + 1 + Math.floor(world.random() * (replicas.length - 1))) % replicas.length;
  const [a, b] = [replicas[one]!, replicas[other]!];
  return world.load(b.key) < world.load(a.key) ? b : a;
}

function byWeight(targets: readonly RouteTarget[], random: number): RouteTarget {
  let point = random * targets.reduce((sum, { weight }) => sum + weight, 0);
  for (const target of targets) {
    point -= target.weight;
    if (point < 0) return target;
  }
  return targets.at(-1)!;
}

/** Host and port of a destination, for people. */
export const hostOf = ({ target, address }: Destination): string => namesOf(target.revisionId, address).host;

const hostIn = (baseUrl: string): string => baseUrl.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
