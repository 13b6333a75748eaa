/** How long an event loop is held up. Run as a program (by `fork`) it is that of a process which has nothing else to do, to compare with. */

export interface HeldUp {
  /** ms that a timer of 1 ms came late at most */
  late: number;
  /** of it what this thread spent computing: on a busy machine a timer may be late without that */
  computing: number;
}

export function watchLoop(): { stop(): HeldUp } {
  let last = performance.now();
  let cpu = process.threadCpuUsage();
  const most: HeldUp = { late: 0, computing: 0 };
  const timer = setInterval(() => {
    const now = performance.now();
    const used = process.threadCpuUsage(cpu);
    const late = now - last - 1;
    most.late = Math.max(most.late, late);
    most.computing = Math.max(most.computing, Math.min(late, (used.user + used.system) / 1000));
    last = now;
    cpu = process.threadCpuUsage();
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

if (process.send !== undefined) {
  const loop = watchLoop();
  process.once('message', () => process.send!(loop.stop(), () => process.disconnect()));
}
