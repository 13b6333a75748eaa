export interface Dependency {
  name: string;
  /** the platform cannot do its work without it: `/readyz` answers 503 while it is down */
  required: boolean;
  /** throws when it does not answer; may tell more than that it does */
  check(): Promise<void | string>;
}

export interface DependencyState {
  name: string;
  ok: boolean;
  message: string;
  latencyMs: number;
}

export interface Health {
  ready: boolean;
  dependencies: DependencyState[];
}

/** Asks every dependency at once, each for at most `timeoutMs`. Answers for `cacheMs` are shared, so that probes cost little. */
export function createHealth(
  dependencies: readonly Dependency[],
  options: { timeoutMs: number; cacheMs: number } = { timeoutMs: 3000, cacheMs: 1000 },
): () => Promise<Health> {
  let cached: { at: number; value: Promise<Health> } | null = null;
  return () => {
    const now = performance.now();
    if (cached === null || now - cached.at > options.cacheMs)
      cached = { at: now, value: ask(dependencies, options.timeoutMs) };
    return cached.value;
  };
}

async function ask(dependencies: readonly Dependency[], timeoutMs: number): Promise<Health> {
  const states = await Promise.all(dependencies.map((dependency) => stateOf(dependency, timeoutMs)));
  return {
    ready: states.every((state, index) => state.ok || dependencies[index]?.required === false),
    dependencies: states,
  };
}

async function stateOf(dependency: Dependency, timeoutMs: number): Promise<DependencyState> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs);
    });
    const told = await Promise.race([dependency.check(), late]);
    const latencyMs = Math.round(performance.now() - started);
    return { name: dependency.name, ok: true, message: told ?? 'OK', latencyMs };
  } catch (error) {
    return {
      name: dependency.name,
      ok: false,
      message: error instanceof Error ? error.message : 'Does not answer.',
      latencyMs: Math.round(performance.now() - started),
    };
  } finally {
    clearTimeout(timer);
  }
}
