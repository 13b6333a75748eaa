type Manifest = Record<string, unknown>;

/** What manifests refer to in their namespace and do not bring along. */
export interface Need {
  kind: 'Secret' | 'ConfigMap' | 'PersistentVolumeClaim';
  name: string;
  /** of it that are read; empty: all, or it has none */
  keys: string[];
}

const references: Record<string, [kind: Need['kind'], name: string]> = {
  secretKeyRef: ['Secret', 'name'],
  secretRef: ['Secret', 'name'],
  secret: ['Secret', 'secretName'],
  imagePullSecrets: ['Secret', 'name'],
  configMapKeyRef: ['ConfigMap', 'name'],
  configMapRef: ['ConfigMap', 'name'],
  configMap: ['ConfigMap', 'name'],
  persistentVolumeClaim: ['PersistentVolumeClaim', 'claimName'],
};

/** Whoever applies manifests elsewhere makes these first: without them no pod starts. Pure. */
export function needsOf(manifests: readonly Manifest[]): Need[] {
  const found = new Map<string, Need>();
  const brought = new Set(
    manifests.map(({ kind, metadata }) => `${kind} ${(metadata as { name?: string } | undefined)?.name}`),
  );
  const note = (field: string, reference: Manifest): void => {
    const [kind, nameField] = references[field]!;
    const { [nameField]: name, key } = reference;
    if (typeof name !== 'string' || brought.has(`${kind} ${name}`)) return;
    const need = found.get(`${kind} ${name}`) ?? { kind, name, keys: [] };
    found.set(`${kind} ${name}`, need);
    if (typeof key === 'string' && !need.keys.includes(key)) need.keys.push(key);
  };
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [field, value] of Object.entries(node)) {
      if (Object.hasOwn(references, field))
        for (const one of [value].flat()) if (typeof one === 'object' && one !== null) note(field, one as Manifest);
      walk(value);
    }
  };
  walk(manifests);
  return [...found.values()];
}
