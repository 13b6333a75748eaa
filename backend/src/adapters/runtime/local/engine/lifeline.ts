import type { ServerResponse } from 'node:http';

interface Deps {
  graceMs: number;
  /** the control channel this process was born with; false when there is none */
  connected: boolean;
  onDisconnect(listener: () => void): void;
  end(reason: string): void;
}

/** Keeps the engine alive only while somebody holds its control channel or a lease, and `graceMs` beyond. */
export function createLifeline({ graceMs, connected, onDisconnect, end }: Deps) {
  const leases = new Set<ServerResponse>();
  let channel = connected;
  let timer: NodeJS.Timeout | undefined;

  const check = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (channel || leases.size > 0) return;
    if (graceMs === 0) return end('control channel closed');
    timer = setTimeout(() => end(`control channel closed and nobody took over within ${graceMs} ms`), graceMs);
  };
  onDisconnect(() => {
    channel = false;
    check();
  });
  check();

  return {
    /** Holds the reply open; its end is the end of the lease. */
    lease(response: ServerResponse): void {
      leases.add(response);
      check();
      response.once('close', () => {
        leases.delete(response);
        check();
      });
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('held\n');
    },
  };
}
