/** ms of work for which what came meanwhile may wait */
const atATime = 0.25;
/** The clock is looked at after so many. */
const between = 16;

/** The next turn of the event loop, after what has come meanwhile. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Works through many things in the time between requests: never longer than about a quarter of a millisecond in a turn of the loop. */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  let until = performance.now() + atATime;
  for (let place = 0; place < items.length; place += 1) {
    work(items[place]!);
    if (place % between !== between - 1 || performance.now() < until) continue;
    await turn();
    until = performance.now() + atATime;
  }
}
