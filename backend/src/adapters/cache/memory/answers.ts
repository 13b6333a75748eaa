/** A larger value would push out many answers for one; Redis gets no larger ones either. */
export const MAX_VALUE_BYTES = 1024 * 1024;

/** of the Map's entry and the objects around a value, so that many small ones count for what they take */
const ENTRY_BYTES = 200;

interface Answer {
  value: Buffer;
  bytes: number;
  expiresAt: number;
}

/** Values by key for a time, `maxBytes` in all; those that nobody asked for longest go first. */
export function createAnswers({ now, maxBytes }: { now(): number; maxBytes: number }) {
  // a Map keeps its order: whatever is set anew is the youngest
  const answers = new Map<string, Answer>();
  let total = 0;

  function remove(key: string): void {
    total -= answers.get(key)?.bytes ?? 0;
    answers.delete(key);
  }

  return {
    get(key: string): Buffer | null {
      const answer = answers.get(key);
      if (answer === undefined) return null;
      answers.delete(key);
      if (answer.expiresAt <= now()) {
        total -= answer.bytes;
        return null;
      }
      answers.set(key, answer);
      return answer.value;
    },

    set(key: string, value: Buffer, ttlSeconds: number): void {
      remove(key);
      const bytes = value.length + 2 * key.length + ENTRY_BYTES;
      if (value.length > MAX_VALUE_BYTES || bytes > maxBytes || ttlSeconds <= 0) return;
      // a copy of its own: a view would keep the whole buffer that it was cut from
      const copy = Buffer.allocUnsafeSlow(value.length);
      value.copy(copy);
      answers.set(key, { value: copy, bytes, expiresAt: now() + ttlSeconds * 1000 });
      total += bytes;
      for (const oldest of answers.keys()) {
        if (total <= maxBytes) break;
        remove(oldest);
      }
    },
    bytes: () => total,
    clear(): void {
      answers.clear();
      total = 0;
    },
  };
}
