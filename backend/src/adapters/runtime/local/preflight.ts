import type { Preflight, PreflightCheck, RevisionSpec } from '#ports/runtime';
import { estimateMemory, formatBytes } from './estimate.ts';
import { convertible, desiredReplicas, engineShape } from './rules.ts';

interface Facts {
  /** bytes; null when unknown */
  freeBytes: number | null;
  python: { ok: boolean; message: string; remedy: string | null };
}

/** Above this part of the free memory a deployment is allowed but warned about. */
const AMBER = 0.7;

/** Whether a revision can be served here, judged before anything is copied or started. Pure. */
export function judge(spec: RevisionSpec, { freeBytes, python }: Facts): Preflight {
  const shape = engineShape(spec);
  const facts = spec.model.inspection;
  const checks: PreflightCheck[] = [];
  const add = (name: string, level: PreflightCheck['level'], message: string, remedy: string | null = null): void => {
    checks.push({ name, level, message, remedy });
  };

  if (shape.source.kind === 'none') {
    add('files', 'red', shape.source.reason, shape.source.remedy);
    return { level: 'red', checks, memory: null };
  }
  add(
    'files',
    'green',
    `${shape.files.length} file(s), ${formatBytes(shape.files.reduce((sum, file) => sum + file.size, 0))}.`,
  );

  const converted = shape.source.kind === 'safetensors';
  if (converted) {
    const architecture = facts?.architecture ?? null;
    if (architecture !== null && !convertible.includes(architecture)) {
      const remedy = `Use one of ${convertible.join(', ')}, or upload a GGUF file.`;
      add('architecture', 'red', `${architecture} cannot be converted for the local engine.`, remedy);
    } else {
      add(
        'architecture',
        'green',
        architecture === null ? 'Known once the files are read.' : `${architecture} is converted to GGUF once.`,
      );
    }
    add('python', python.ok ? 'green' : 'red', python.message, python.remedy);
  } else {
    add('architecture', 'green', `GGUF${facts?.architecture ? ` (${facts.architecture})` : ''} is served as it is.`);
  }

  if (facts !== null && !facts.chatTemplate) {
    add(
      'chat template',
      'amber',
      'The model has no chat template: chat is refused, completions work.',
      'Add chat_template to the model.',
    );
  }
  for (const warning of shape.warnings) add('configuration', 'amber', warning, 'Change or remove the setting.');

  const memory = facts === null ? null : memoryOf();
  if (memory === null) {
    add(
      'memory',
      'amber',
      'The files were not inspected, so the memory needed is unknown.',
      'Wait for the inspection of the upload.',
    );
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
    const parts =
      `weights ${formatBytes(one.weightsBytes)}, cache ${formatBytes(one.kvCacheBytes)} for ${shape.parallel} × ${shape.contextLength} tokens, ` +
      `other ${formatBytes(one.overheadBytes)}${replicas > 1 ? `, ${replicas} replicas` : ''}`;
    const less = 'Ask for less context or fewer parallel sequences, use a quantised GGUF, or stop another endpoint.';
    if (freeBytes === null)
      add('memory', 'amber', `${formatBytes(needed)} needed (${parts}); free memory is unknown.`, less);
    else if (needed > freeBytes)
      add('memory', 'red', `${formatBytes(needed)} needed (${parts}), ${formatBytes(freeBytes)} are free.`, less);
    else if (needed > freeBytes * AMBER) {
      add(
        'memory',
        'amber',
        `${formatBytes(needed)} needed (${parts}), more than ${AMBER * 100} % of the ${formatBytes(freeBytes)} free.`,
        less,
      );
    } else add('memory', 'green', `${formatBytes(needed)} needed (${parts}), ${formatBytes(freeBytes)} are free.`);
    if (!complete) {
      add(
        'cache',
        'amber',
        'Layers or heads are unknown, so the key-value cache is not reckoned with.',
        'Upload config.json beside the weights.',
      );
    }
    if (shape.memoryLimit > 0 && one.requiredBytes > shape.memoryLimit) {
      const message = `An engine needs ${formatBytes(one.requiredBytes)}, but is ended above its limit of ${formatBytes(shape.memoryLimit)}.`;
      add('memory limit', 'red', message, 'Raise memoryLimit.');
    }
    return { ...one, requiredBytes: needed, freeBytes };
  }
}

function worst(checks: PreflightCheck[]): Preflight['level'] {
  const has = (level: Preflight['level']): boolean => checks.some((check) => check.level === level);
  return has('red') ? 'red' : has('amber') ? 'amber' : 'green';
}
