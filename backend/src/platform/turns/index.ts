/** ms of work for which what came meanwhile may wait */
const atATime = 0.1;
/** The clock is looked at after so many. */
const between = 16;

/**
 * Works through many things in the time between requests: a tenth of a millisecond at a time, and a millisecond for others in between. With no
 * pause but a turn of the event loop, one request would meet several pieces of it, one at each of its steps.
 */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  let until = performance.now() + atATime;
  for (let place = 0; place < items.length; place += 1) {
    work(items[place]!);
    if (place % between !== between - 1 || performance.now() < until) continue;
    await new Promise<void>((resolve) => void setTimeout(resolve, 1));
    until = performance.now() + atATime;
  }
}
