import type { Budget } from '@llm-ops/contracts';

/** One limit of a budget and how far it is used. Shares are of the limit; what is above all of it is cut off for the bar. */
export interface Meter {
  kind: 'amount' | 'tokens' | 'requests';
  spent: string;
  leased: string;
  limit: string;
  /** spent of the limit, uncut */
  ratio: number;
  spentShare: number;
  leasedShare: number;
}

const kinds = ['amount', 'tokens', 'requests'] as const;

/** A bar for each limit that the budget has. A limit of nothing is used up from the start. */
export function metersOf({ limit, current }: Pick<Budget, 'limit' | 'current'>): Meter[] {
  return kinds.flatMap((kind) => {
    const most = limit[kind];
    if (most === undefined) return [];
    const of = (part: string | number) => (Number(most) === 0 ? 1 : Number(part) / Number(most));
    const spent = current.spent[kind];
    const leased = current.leased[kind];
    const ratio = of(spent);
    const spentShare = Math.min(ratio, 1);
    const held = Number(leased) === 0 ? 0 : of(leased);
    return [
      {
        kind,
        spent: String(spent),
        leased: String(leased),
        limit: String(most),
        ratio,
        spentShare,
        leasedShare: Math.min(held, 1 - spentShare),
      },
    ];
  });
}
