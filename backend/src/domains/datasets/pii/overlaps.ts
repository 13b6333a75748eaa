/** Something found in a tape. */
export interface Candidate {
  /** the lower, the more specific */
  rank: number;
  start: number;
  end: number;
  confidence: number;
}

const byStrength = (a: Candidate, b: Candidate): number =>
  b.confidence - a.confidence || a.rank - b.rank || b.end - b.start - (a.end - a.start);

/** Of those that overlap keeps the surest, then the most specific, then the longest. Answers them in their order. */
export function withoutOverlaps(candidates: Candidate[]): Candidate[] {
  candidates.sort((a, b) => a.start - b.start);
  const kept: Candidate[] = [];
  for (let first = 0; first < candidates.length;) {
    let { end } = candidates[first]!;
    let next = first + 1;
    for (; next < candidates.length && candidates[next]!.start < end; next++)
      end = Math.max(end, candidates[next]!.end);
    if (next === first + 1) kept.push(candidates[first]!);
    else kept.push(...strongest(candidates.slice(first, next)));
    first = next;
  }
  return kept;
}

function strongest(group: Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of group.sort(byStrength)) {
    if (kept.every(({ start, end }) => candidate.end <= start || candidate.start >= end)) kept.push(candidate);
  }
  return kept.sort((a, b) => a.start - b.start);
}
