export type Operation = 'chat' | 'completion' | 'embedding';

/** Another wire format than OpenAI's, translated both ways. Pure but for the state of one stream. */
export interface Dialect {
  /**
   * The upstream's body for a body of OpenAI's shape (`model` is already the upstream's name). Throws `upstream_refused` for what
   * the upstream cannot do, naming the field.
   */
  request(operation: Operation, body: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /**
   * The whole answer in OpenAI's shape, for the body that was asked; null when it is not what the upstream promises. Throws
   * `upstream_refused` where the answer shows that the upstream ignored what was asked.
   */
  response(
    operation: Operation,
    answer: Buffer,
    asked: Readonly<Record<string, unknown>>,
  ): Record<string, unknown> | null;
  /**
   * One stream: what came in becomes whole events of OpenAI's (`data: …\n\n`, at last usage and `[DONE]`). Throws `upstream_failed` on
   * nonsense and on the upstream's own errors, after the events before them. When the upstream ended early there is no `[DONE]`.
   */
  stream(operation: Operation): { push(chunk: Buffer): Buffer; end(): Buffer };
}

/** A word of an engine's own for why an answer ended → OpenAI's (`stop`, `length`, `tool_calls`, `content_filter`); null: it has not ended. */
export type ReasonWords = Readonly<Record<string, string | null>>;

export interface FinishReasons {
  words: ReasonWords;
  /** the same of an answer that calls tools, where the engine does not tell that by itself; null: it does */
  afterTools: ReasonWords | null;
}

/** An engine or outside service, as data: no I/O, so that whoever calls it decides how. */
export interface Provider {
  readonly kind: 'openai' | 'ollama' | 'vllm' | 'tgi' | 'llama.cpp' | 'custom';
  /** `gen_ai.provider.name` of the OpenTelemetry conventions */
  readonly telemetryName: string;
  /** where an external model's card says it is; null when the card lacks it, or when this kind is never external */
  baseUrl(metadata: Readonly<Record<string, unknown>>): string | null;
  /** sent to that origin only */
  headers(apiKey: string | null): Record<string, string>;
  /** what it calls the model; null when the card lacks it */
  model(metadata: Readonly<Record<string, unknown>>): string | null;
  /** whether it answers without a key */
  readonly keyless: boolean;
  /** below the base URL, `/chat/completions`; null: it has no such operation */
  path(operation: Operation): string | null;
  /** how a stream is made to end with usage: by `stream_options`, with each chunk too (`continuous`), or it always gives it (`always`) */
  readonly streamUsage: 'option' | 'continuous' | 'always';
  /** null: OpenAI's own */
  readonly dialect: Dialect | null;
  /** of one that speaks OpenAI's format but for these words; null: those too */
  readonly finishReasons: FinishReasons | null;
  /** what it says with a 5xx although the request is at fault: no illness of its own, and nothing that another try could mend */
  readonly mistakes: readonly RegExp[];
  /** where it lists its models, and their names in that answer */
  modelsUrl(baseUrl: string): string;
  modelNames(body: unknown): string[];
  /** whether a listed name is the one meant */
  same(listed: string, wanted: string): boolean;
}
