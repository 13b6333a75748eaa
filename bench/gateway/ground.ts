import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PeerDeps } from './peers/peer.ts';
import { createCleanup, createInterrupt, startProgram, type Cleanup } from './processes.ts';
import { provisionPrograms } from './provision.ts';

/** What every bench of the gateway stands on. */
export interface Ground extends PeerDeps {
  /** folder with the load generator */
  programs: string;
  cleanup: Cleanup;
}

/** Starts the mock upstream, lets `work` measure, and ends everything afterwards, whatever happened. */
export async function onGround(work: (ground: Ground) => Promise<void>): Promise<void> {
  const signal = createInterrupt();
  const cleanup = createCleanup();
  try {
    const programs = await provisionPrograms();
    const scratch = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));
    cleanup.add(() => rm(scratch, { recursive: true, force: true }));
    const mock = await startProgram({
      name: 'mock',
      command: path.join(programs, 'mock'),
      args: [],
      ready: /^mock is ready at (\S+)/,
      signal,
    });
    cleanup.add(mock.stop);
    await work({ programs, scratch, upstream: mock.said, signal, cleanup });
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error;
    console.error(reason instanceof Error ? reason.message : reason);
    process.exitCode = signal.aborted ? 130 : 1;
  } finally {
    await cleanup.run();
  }
}
