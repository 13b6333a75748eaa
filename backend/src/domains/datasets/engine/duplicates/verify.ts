import { none, type Candidates, type NearIndex } from './near.ts';

/** A row that says nearly what an earlier one says. */
export interface Likeness {
  row: number;
  earlier: number;
  /** the first row of all that are linked to each other */
  first: number;
  /** Jaccard similarity: of the texts themselves, or estimated where too many wait for later ones to be held */
  similarity: number;
  verified: boolean;
}

/** Judges candidates by the texts themselves, which are read again in their order. */
export interface Verifier {
  isNeeded(place: number): boolean;
  /** Takes the distinct members of a needed text, ascending; says whether it is like an earlier one. */
  look(place: number, members: Uint32Array): Likeness | null;
}

/** `bytes`: of texts that are held while later ones are to be compared with them. */
export function createVerifier(
  index: Pick<NearIndex, 'count' | 'rowOf'>,
  candidates: Candidates,
  options: { threshold: number; bytes: number },
): Verifier {
  const { threshold, bytes: limit } = options;
  const { count, place: places, first, second, estimate, secondEstimate } = candidates;
  const held = new Map<number, Uint32Array>();
  /** of each text the last one that is compared with it, and the first of its group */
  const lastUse = new Uint32Array(index.count);
  const groupOf = new Uint32Array(index.count).fill(none);
  const isCandidate = new Uint8Array(index.count);
  for (let at = 0; at < count; at++) {
    isCandidate[places[at]!] = 1;
    lastUse[first[at]!] = places[at]!;
    if (second[at] !== none) lastUse[second[at]!] = Math.max(lastUse[second[at]!]!, places[at]!);
  }
  let bytes = 0;
  let at = 0;

  function judge(place: number, members: Uint32Array): Likeness | null {
    let best: Likeness | null = null;
    const consider = (earlier: number, estimated: number): void => {
      if (earlier === none) return;
      const other = held.get(earlier);
      const similarity = other === undefined ? estimated / 255 : jaccard(members, other);
      if (similarity < threshold || (best !== null && similarity <= best.similarity)) return;
      groupOf[place] = groupOf[earlier] === none ? earlier : groupOf[earlier]!;
      best = {
        row: index.rowOf(place),
        earlier: index.rowOf(earlier),
        first: index.rowOf(groupOf[place]!),
        similarity,
        verified: other !== undefined,
      };
    };
    consider(first[at]!, estimate[at]!);
    consider(second[at]!, secondEstimate[at]!);
    for (const earlier of [first[at]!, second[at]!])
      if (earlier !== none && lastUse[earlier] === place) release(earlier);
    at++;
    return best;
  }

  function release(place: number): void {
    bytes -= held.get(place)?.byteLength ?? 0;
    held.delete(place);
  }

  return {
    isNeeded: (place) => isCandidate[place] === 1 || lastUse[place] !== 0,
    look(place, members) {
      const likeness = isCandidate[place] === 1 ? judge(place, members) : null;
      if (lastUse[place]! > place && bytes + members.byteLength <= limit) {
        held.set(place, members);
        bytes += members.byteLength;
      }
      return likeness;
    },
  };
}

/** Of two sets whose members ascend. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let both = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const difference = a[i]! - b[j]!;
    if (difference === 0) both++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  const union = a.length + b.length - both;
  return union === 0 ? 0 : both / union;
}
