/** An outside service that speaks the OpenAI API, as data: no I/O, so that whoever calls it decides how. */
export interface Provider {
  readonly kind: 'openai' | 'ollama';
  /** chat completions at `${baseUrl}/chat/completions`; null when the card lacks it */
  baseUrl(metadata: Record<string, unknown>): string | null;
  /** sent to that origin only */
  headers(apiKey: string | null): Record<string, string>;
  /** what it calls the model; null when the card lacks it */
  model(metadata: Record<string, unknown>): string | null;
  /** whether it answers without a key */
  readonly keyless: boolean;
  /** where it lists its models, and their names in that answer */
  modelsUrl(baseUrl: string): string;
  modelNames(body: unknown): string[];
  /** whether a listed name is the one meant */
  same(listed: string, wanted: string): boolean;
}
