/** Something found in a tape. */
export interface Candidate {
  /** the lower, the more specific */
  rank: number;
  start: number;
  end: number;
  confidence: number;
}

/** Each of so many is held against all others; longer chains, as rules of people may make, are gone through once. */
const MOST = 64;

const byStrength = (a: Candidate, b: Candidate): number =>
  b.confidence - a.confidence || a.rank - b.rank || b.end - b.start - (a.end - a.start);

/** Of those that overlap keeps the surest (of one type the whole, not its parts), then the most specific, then the longest. Answers them in their order. */
export function withoutOverlaps(candidates: Candidate[]): Candidate[] {
  candidates.sort((a, b) => a.start - b.start);
  const kept: Candidate[] = [];
  for (let first = 0; first < candidates.length;) {
    let { end } = candidates[first]!;
    let next = first + 1;
    for (; next < candidates.length && candidates[next]!.start < end; next++)
      end = Math.max(end, candidates[next]!.end);
    if (next === first + 1) kept.push(candidates[first]!);
    else if (next - first <= MOST) kept.push(...strongest(candidates.slice(first, next)));
    else keepOneByOne(candidates, first, next, kept);
    first = next;
  }
  return kept;
}

function strongest(group: Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of group.filter((each) => !group.some((other) => isPartOf(each, other))).sort(byStrength)) {
    if (kept.every(({ start, end }) => candidate.end <= start || candidate.start >= end)) kept.push(candidate);
  }
  return kept.sort((a, b) => a.start - b.start);
}

/** Of the same type and within it, as a national number is in an international one. */
const isPartOf = (a: Candidate, b: Candidate): boolean =>
  a.rank === b.rank && a.start >= b.start && a.end <= b.end && a.end - a.start < b.end - b.start;

function keepOneByOne(candidates: readonly Candidate[], first: number, next: number, kept: Candidate[]): void {
  let last = candidates[first]!;
  for (let at = first + 1; at < next; at++) {
    const candidate = candidates[at]!;
    if (candidate.start >= last.end) {
      kept.push(last);
      last = candidate;
    } else if (byStrength(candidate, last) < 0) last = candidate;
  }
  kept.push(last);
}
