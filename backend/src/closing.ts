import type { FastifyInstance } from 'fastify';
import type { Logger } from '#platform/log';

/** Requests under way may finish; what is still open after the time is cut. */
export async function drain(app: FastifyInstance, seconds: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), seconds * 1000);
  // A connection that becomes idle after its answer is closed then, not when its client gives it up.
  const idle = setInterval(() => app.server.closeIdleConnections(), 100);
  await app.close();
  clearTimeout(cut);
  clearInterval(idle);
}

/** In reverse: what was opened last is closed first; one that fails does not keep the others open. */
export async function closeAll(closers: (() => Promise<unknown>)[], log: Logger): Promise<void> {
  for (const close of closers.splice(0).toReversed()) {
    await close().catch((error: unknown) => log.warn({ err: error }, 'closing failed'));
  }
}
