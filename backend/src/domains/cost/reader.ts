/** Reads again when the database tells of a change, and every `pollMs` all the same. */
export interface Reader {
  /** Reads once; `otherwise` hears why it cannot, and throws when nothing takes its place. */
  start(otherwise: (error: unknown) => void): Promise<void>;
  stop(): Promise<void>;
  /** Reads again soon; `failed` hears when it cannot. */
  hint(): void;
}

export function createReader(deps: {
  read(): Promise<void>;
  failed(error: unknown): void;
  listen(onNotify: () => void): Promise<{ close(): Promise<void> }>;
  pollMs: number;
}): Reader {
  const { read, failed, listen, pollMs } = deps;
  let reading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | null = null;
  let listening: { close(): Promise<void> } | null = null;

  /** One at a time; a wish that comes during one is served by the next, which starts after it. */
  function reload(): Promise<void> {
    if (reading !== null) {
      again = true;
      return reading;
    }
    reading = (async () => {
      do {
        again = false;
        await read();
      } while (again);
    })().finally(() => (reading = null));
    return reading;
  }

  const hint = (): void => {
    if (timer !== null) reload().catch(failed);
  };

  return {
    async start(otherwise) {
      if (timer !== null) return;
      await reload().catch(otherwise);
      timer = setInterval(hint, pollMs).unref();
      listening = await listen(hint);
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await listening?.close();
      listening = null;
      await reading?.catch(() => {});
    },
    hint,
  };
}
