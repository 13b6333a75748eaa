/** What the platform and an engine process say to each other. The engine sends these over its control channel. */
export type EngineMessage =
  | { type: 'listening'; port: number }
  | { type: 'failed'; code: EngineFailure; message: string; supported?: string[] };

export type EngineFailure = 'architecture_unsupported' | 'model_invalid' | 'memory_insufficient' | 'load_failed';

/** Exit codes with a meaning; any other is a crash. */
export const exitCode = {
  /** the platform went away, or asked it to end */
  ended: 0,
  /** the model cannot be served; a `failed` message was sent */
  failed: 3,
  /** resident memory went over the limit */
  memory: 4,
} as const;

/** Reply of `GET /health`: status 200 when `ready`, else 503. */
export interface EngineHealth {
  status: 'loading' | 'ready';
  pid: number;
  model: string;
  /** requests being answered, and waiting for a free sequence */
  active: number;
  queued: number;
  /** tokens since the start */
  promptTokens: number;
  completionTokens: number;
  /** bytes */
  residentMemory: number;
  /** tokens one request may hold; null while loading */
  contextLength: number | null;
  parallel: number;
}
