import { failure, isFailure } from '#platform/errors';
import { again } from '#platform/words';
import type { Context } from '#platform/http';
import type { Models } from './models.ts';
import type { Reviews } from './reviews.ts';
import type { CatalogStore } from './store/index.ts';
import { scopeOf } from './view.ts';
import { words } from './refusals.ts';

export type HubEntries = ReturnType<typeof createHubEntries>;

/** Entries of models that runtimes fetch from Hugging Face by themselves, for faces that know a model by its id there alone. */
export function createHubEntries(deps: { store: CatalogStore; models: Models; reviews: Reviews }) {
  const { store, models, reviews } = deps;

  return {
    /**
     * The approved entry of a model of the hub: one that this identity sees, that of its team first; where there is none, one is made,
     * submitted and approved, if this identity may do all three. Throws `organization_model_not_approved`.
     */
    async entryOf(
      c: Pick<Context, 'access' | 'trx' | 'note'>,
      asked: { huggingfaceId: string; team: string; description: string },
    ): Promise<string> {
      const { huggingfaceId, team, description } = asked;
      const known = await store.approvedOfHub(scopeOf(c.access), huggingfaceId, c.trx);
      const found = known.find((row) => row.owner_team === team) ?? known[0];
      if (found !== undefined) return found.id;
      try {
        const draft = await models.add(
          c,
          {
            name: huggingfaceId,
            version: 'main',
            type: 'base',
            owner_team: team,
            metadata: { description, huggingface_model_id: huggingfaceId },
            lineage_dataset_ids: [],
            visibility: 'team',
          },
          undefined,
        );
        const wish = { notes: undefined, acceptPickle: false };
        const submitted = await reviews.move(c, draft, 'under_review', wish);
        return (await reviews.move(c, submitted, 'approved', wish)).id;
      } catch (error) {
        if (!isFailure(error)) throw error;
        const told = words.tell('no_entry', { name: huggingfaceId, reason: again(error, 'message') });
        throw failure('organization_model_not_approved', told);
      }
    },
  };
}
