/** Counts tokens where an upstream does not say how many there were. */
export interface TokenCounter {
  /** Tokens of the texts by that model's own tokenizer, without those that a template adds; null: none is known, or it took too long. */
  count(modelId: string, texts: readonly string[]): Promise<number | null>;
  close(): Promise<void>;
}
