/** Leaves the distinct of some 32-bit numbers, in the order of their first appearance; answers how many. Makes nothing. */
export function createDistinct(capacity: number): (values: Uint32Array, count: number, target: Uint32Array) => number {
  let size = 1024;
  while (size < capacity * 2) size *= 2;
  const slots = new Uint32Array(size);
  const stamps = new Uint32Array(size);
  let stamp = 0;
  return (values, count, target) => {
    if (++stamp === 0x1_0000_0000) {
      stamps.fill(0);
      stamp = 1;
    }
    // Short texts use a part of the table that stays in the processor's cache.
    let mask = 1023;
    while (mask + 1 < count * 2) mask = mask * 2 + 1;
    let kept = 0;
    for (let at = 0; at < count; at++) {
      const value = values[at]!;
      let slot = value & mask;
      while (stamps[slot] === stamp && slots[slot] !== value) slot = (slot + 1) & mask;
      if (stamps[slot] === stamp) continue;
      stamps[slot] = stamp;
      slots[slot] = value;
      target[kept++] = value;
    }
    return kept;
  };
}
