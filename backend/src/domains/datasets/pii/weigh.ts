/** Where words stand that speak for a type, or against it. */
interface Said {
  for: 'close' | 'far' | null;
  against: 'close' | 'far' | null;
}

const FOR = { close: 0.4, far: 0.3 } as const;
const AGAINST = { close: 0.35, far: 0.1 } as const;
/** Words of both kinds stand equally near. */
const DOUBT = 0.15;

/** A confidence after the words around a value have been heard: the nearer ones count, and at the same distance those for it. */
export function weighed(confidence: number, said: Said): number {
  let change = 0;
  if (said.for !== null && (said.for === 'close' || said.against !== 'close')) {
    change = FOR[said.for] - (said.against === said.for ? DOUBT : 0);
  } else if (said.against !== null) change = -AGAINST[said.against];
  return Math.min(0.99, Math.round((confidence + change) * 100) / 100);
}
