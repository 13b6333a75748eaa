/**
 * Whether a store that failed is asked again. After a failure nobody asks it but the probe, every `pauseMs`: no request waits for what
 * does not answer.
 */
export function createCircuit({
  probe,
  pauseMs,
  opened,
  closed,
}: {
  /** throws while the store does not answer */
  probe(): Promise<unknown>;
  pauseMs: number;
  opened?(error: Error): void;
  closed?(): void;
}) {
  let open = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;

  function plan(): void {
    if (ended) return;
    timer = setTimeout(() => void look(), pauseMs);
    timer.unref();
  }

  async function look(): Promise<void> {
    try {
      await probe();
    } catch {
      return plan();
    }
    if (ended) return;
    open = false;
    closed?.();
  }

  return {
    isOpen: () => open,
    /** The store failed. */
    trip(error: Error): void {
      if (open || ended) return;
      open = true;
      opened?.(error);
      plan();
    },
    end(): void {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** Rejects when there is no answer within `ms`. One that is here already, and only this process was late to read, still counts. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new Error(`no answer within ${ms} ms`))), ms);
    const settle =
      <V>(then: (value: V) => void) =>
      (value: V): void => {
        clearTimeout(timer);
        then(value);
      };
    work.then(settle(resolve), settle(reject));
  });
}
