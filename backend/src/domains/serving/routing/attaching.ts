import type { Logger } from '#platform/log';
import type { Address, Runtime } from '#ports/runtime';
import { reasonOf } from '../rollout/completion.ts';
import type { RoutedRevision } from '../store/routes.ts';

interface Deps {
  runtimes: Readonly<Record<string, Runtime>>;
  log: Logger;
}

/** What runs nowhere (an external model) needs no placement: every server attaches to it by itself. */
export function createAttaching({ runtimes, log }: Deps) {
  const attached = new Set<string>();

  const addressesOf = (revision: RoutedRevision): readonly Address[] =>
    runtimes[revision.runtime]?.addresses(revision.revisionId) ?? [];

  async function attach(revision: RoutedRevision, again: boolean): Promise<void> {
    const runtime = runtimes[revision.runtime];
    if (!revision.spec || !runtime) return;
    if (!again && (attached.has(revision.revisionId) || addressesOf(revision).length > 0)) return;
    try {
      await runtime.apply(runtime.plan(revision.spec), revision.spec);
      attached.add(revision.revisionId);
    } catch (error) {
      log.warn({ revision: revision.revisionId, reason: reasonOf(error) }, 'could not attach to an external model');
    }
  }

  return {
    /** every replica that answers */
    addressesOf,
    /** `again`: also to those that are attached, for their key may be another. Never throws: what cannot be attached to is told in the log. */
    async attach(revisions: readonly RoutedRevision[], again: boolean): Promise<void> {
      for (const revision of revisions) await attach(revision, again);
    },
  };
}
