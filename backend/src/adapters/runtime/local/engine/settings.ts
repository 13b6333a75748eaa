/** Read once from the environment; the key is then removed from it, so that nothing prints it by accident. */
export interface EngineSettings {
  modelPath: string;
  /** what the model is called in replies */
  name: string;
  key: string;
  /** tokens a request may hold; the model's own limit when that is lower */
  contextLength: number;
  /** requests answered at the same time; the others wait */
  parallel: number;
  threads: number;
  gpu: boolean;
  /** bytes of resident memory; null for no limit */
  memoryLimit: number | null;
  /** how long the engine outlives the platform, to be adopted by the next one */
  graceMs: number;
}

export function readSettings(env: NodeJS.ProcessEnv): EngineSettings {
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  const count = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} must be a whole number, not ${env[name]}`);
    return value;
  };
  const settings: EngineSettings = {
    modelPath: required('ENGINE_MODEL'),
    name: required('ENGINE_NAME'),
    key: required('ENGINE_KEY'),
    contextLength: count('ENGINE_CONTEXT', 4096),
    parallel: Math.max(1, count('ENGINE_PARALLEL', 4)),
    threads: Math.max(1, count('ENGINE_THREADS', 1)),
    gpu: env['ENGINE_GPU'] === '1',
    memoryLimit: count('ENGINE_MEMORY_LIMIT', 0) || null,
    graceMs: count('ENGINE_GRACE_MS', 0),
  };
  delete env['ENGINE_KEY'];
  return settings;
}
