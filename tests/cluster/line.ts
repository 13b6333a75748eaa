import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** The way from the platform to the API server, on which things go wrong; what is said on it stays secret to it (TLS). */
export interface Line {
  port: number;
  /** Each piece of an answer comes so much later, ms. */
  slow(delayMs: number): void;
  /** Breaks what is open; what comes next gets through. */
  cut(): void;
  /** Nothing gets through until it is mended. */
  break(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openLine(target: number): Promise<Line> {
  const open = new Set<Socket>();
  let delayMs = 0;
  let broken = false;
  const server = createServer((near) => {
    if (broken) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    const end = (): void => {
      near.destroy();
      far.destroy();
      open.delete(near);
    };
    open.add(near);
    near.on('data', (piece) => far.write(piece));
    far.on('data', (piece) => (delayMs === 0 ? near.write(piece) : setTimeout(() => near.write(piece), delayMs)));
    for (const side of [near, far]) side.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const near of open) near.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    slow: (ms) => void (delayMs = ms),
    cut,
    break() {
      broken = true;
      cut();
    },
    mend: () => void (broken = false),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
