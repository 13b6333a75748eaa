const units: Record<string, number> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity as a number: `500m` → 0.5, `1Gi` → 1073741824; 0 for nothing. */
function quantity(text: string | undefined): number {
  const found = /^([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+))?([A-Za-z]*)$/.exec(text ?? '0');
  if (!found) return 0;
  return Number(found[1]) * 10 ** Number(found[2] ?? 0) * (units[found[3]!] ?? 1);
}

export const cores = quantity;
export const bytes = quantity;
