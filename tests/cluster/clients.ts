import { setTimeout as sleep } from 'node:timers/promises';

/** Clients that ask gateways all the time, as those behind a proxy that learns of changes within half a second. */
export function keepAsking(deps: {
  addresses(): Promise<string[]>;
  /** one request to a gateway; `turn` counts those of a client */
  ask(base: string, turn: number): Promise<{ status: number; text: string }>;
}) {
  const failures: string[] = [];
  let answered = 0;
  let asking = true;
  let known: string[] = [];
  const learn = async () => {
    for (; asking; await sleep(500)) known = await deps.addresses().catch(() => known);
  };
  const client = async (number: number) => {
    for (let turn = number; asking; turn++) {
      const base = known[turn % Math.max(known.length, 1)];
      if (base !== undefined) {
        const { status, text } = await deps.ask(base, turn).catch((error: Error) => ({
          status: 0,
          text: String(error.cause ?? error),
        }));
        if (status === 200) answered += 1;
        else failures.push(`${new Date().toISOString()} ${base}: ${status} ${text.slice(0, 200)}`);
      }
      await sleep(60);
    }
  };
  const running = Promise.all([learn(), client(0), client(1), client(2)]);
  return {
    async end() {
      asking = false;
      await running;
      return { answered, failures };
    },
  };
}
