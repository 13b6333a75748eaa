import type { Preflight, PreflightCheck, RevisionSpec } from '#ports/runtime';
import { again } from '#platform/words';
import { estimateMemory, formatBytes } from './estimate.ts';
import type { Python } from './python.ts';
import { convertible, desiredReplicas, engineShape } from './rules.ts';
import { words } from './sentences.ts';

interface Facts {
  /** bytes; null when unknown */
  freeBytes: number | null;
  python: Awaited<ReturnType<Python['check']>>;
}

/** Above this part of the free memory a deployment is allowed but warned about. */
const AMBER = 0.7;

/** Whether a revision can be served here, judged before anything is copied or started. Pure. */
export function judge(spec: RevisionSpec, { freeBytes, python }: Facts): Preflight {
  const shape = engineShape(spec);
  const facts = spec.model.inspection;
  const checks: PreflightCheck[] = [];
  type Told = Pick<PreflightCheck, 'message' | 'said'> & { remedy?: string | null };
  const add = (name: string, level: PreflightCheck['level'], told: Told): void =>
    void checks.push({ name, level, remedy: null, ...told });

  if (shape.source.kind === 'none') {
    const { message, remedy, said } = shape.source;
    add('files', 'red', { message, remedy, said });
    return { level: 'red', checks, memory: null };
  }
  const size = formatBytes(shape.files.reduce((sum, file) => sum + file.size, 0));
  add('files', 'green', words.tell('files', { files: shape.files.length, size }));

  const converted = shape.source.kind === 'safetensors';
  if (converted) {
    const architecture = facts?.architecture ?? null;
    if (architecture !== null && !convertible.includes(architecture)) {
      add('architecture', 'red', words.tell('architecture_no', { architecture, supported: convertible }));
    } else {
      add(
        'architecture',
        'green',
        architecture === null
          ? words.tell('architecture_later')
          : words.tell('architecture_converted', { architecture }),
      );
    }
    const { ok, ...told } = python;
    add('python', ok ? 'green' : 'red', told);
  } else {
    const { architecture } = facts ?? {};
    add('architecture', 'green', architecture ? words.tell('gguf_of', { architecture }) : words.tell('gguf'));
  }

  if (facts !== null && !facts.chatTemplate) {
    add('chat template', 'amber', words.tell('no_template'));
  }
  for (const warning of shape.warnings) add('configuration', 'amber', { message: warning, ...words.tell('setting') });

  const memory = facts === null ? null : memoryOf();
  if (memory === null) {
    add('memory', 'amber', words.tell('not_inspected'));
  }
  return { level: worst(checks), checks, memory };

  function memoryOf(): Preflight['memory'] {
    const replicas = Math.max(1, desiredReplicas(spec));
    const { complete, ...one } = estimateMemory({
      facts: facts!,
      contextLength: shape.contextLength,
      parallel: shape.parallel,
      convertedWeightBytes: converted ? 2 : null,
    });
    const needed = one.requiredBytes * replicas;
    const sizes = {
      weights: formatBytes(one.weightsBytes),
      cache: formatBytes(one.kvCacheBytes),
      parallel: shape.parallel,
      context: String(shape.contextLength),
      other: formatBytes(one.overheadBytes),
    };
    const parts = again(
      replicas > 1 ? words.tell('parts_replicas', { ...sizes, replicas }) : words.tell('parts', sizes),
      'text',
    );
    const known = { needed: formatBytes(needed), parts };
    if (freeBytes === null) add('memory', 'amber', words.tell('memory_unknown', known));
    else {
      const free = formatBytes(freeBytes);
      if (needed > freeBytes) add('memory', 'red', words.tell('memory_short', { ...known, free }));
      else if (needed > freeBytes * AMBER)
        add('memory', 'amber', words.tell('memory_tight', { ...known, share: AMBER * 100, free }));
      else add('memory', 'green', words.tell('memory', { ...known, free }));
    }
    if (!complete) add('cache', 'amber', words.tell('cache_unknown'));
    if (shape.memoryLimit > 0 && one.requiredBytes > shape.memoryLimit) {
      const limits = { needed: formatBytes(one.requiredBytes), limit: formatBytes(shape.memoryLimit) };
      add('memory limit', 'red', words.tell('memory_limit', limits));
    }
    return { ...one, requiredBytes: needed, freeBytes };
  }
}

function worst(checks: PreflightCheck[]): Preflight['level'] {
  const has = (level: Preflight['level']): boolean => checks.some((check) => check.level === level);
  return has('red') ? 'red' : has('amber') ? 'amber' : 'green';
}
