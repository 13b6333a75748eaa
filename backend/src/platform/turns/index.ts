/** Of the time, ms of work at once at least, and that share of what others took in between. */
const [least, share] = [0.1, 0.15];
/** The clock is looked at after so many. */
const between = 16;

/**
 * Works through many things in the time between requests: a tenth of a millisecond at a time, and a millisecond for others in between. With no
 * pause but a turn of the event loop, one request would meet several pieces of it, one at each of its steps. Where others need
 * the loop for longer, so may this, or it would fall behind.
 */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  let until = performance.now() + least;
  for (let place = 0; place < items.length; place += 1) {
    work(items[place]!);
    if (place % between !== between - 1) continue;
    const now = performance.now();
    if (now < until) continue;
    await new Promise<void>((resolve) => void setTimeout(resolve, 1));
    const again = performance.now();
    until = again + Math.max(least, share * (again - now));
  }
}
