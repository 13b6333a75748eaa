import type { costRoutes, Price } from '@llm-ops/contracts';
import type { Kysely } from 'kysely';
import type { ModelPrice } from '#domains/inference';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { formatMoney, parseMoney, perToken } from '#platform/money';
import { currencyIssues } from './draft.ts';
import * as store from './store.ts';

type Routes = typeof costRoutes;

/** A model version, as whoever sets its price sees it. */
export interface PricedModel {
  name: string;
  version: string;
  team: string;
  visibility: 'team' | 'organization';
  createdBy: string;
}

export interface Models {
  /** Those of the ids that there are. */
  describe(ids: readonly string[]): Promise<ReadonlyMap<string, PricedModel>>;
}

/** Prices as people see and set them. */
export function createPrices(deps: { db: Kysely<unknown>; currency: string; models: Models }) {
  const { db, currency, models } = deps;

  /** Throws `model_not_found`. */
  async function requireModel(access: Access, id: string): Promise<PricedModel> {
    const model = (await models.describe([id])).get(id);
    if (model === undefined) throw failure('model_not_found');
    if (!access.sees(model)) throw failure('model_not_found', { hidden: true });
    return model;
  }

  return {
    /** Models that the caller does not see, and those that are gone, are left out. */
    async list(c: Context<Routes['listPrices']>): Promise<Paged<Price[]>> {
      const { limit, cursor } = c.query;
      const rows = await store.listPrices(db, limit + 1, decodeCursor(cursor));
      const page = pageOf(rows, limit, (row) => ({ at: row.since, id: row.id }));
      const described = await models.describe(page.rows.map((row) => row.model_id));
      const prices = page.rows.flatMap((row) => {
        const model = described.get(row.model_id);
        return model !== undefined && c.access.sees(model) ? [view(row, model)] : [];
      });
      return { rows: prices, next: page.next };
    },

    /** Throws `model_not_found`, `validation_failed`. */
    async set(c: Context<Routes['setPrice']>): Promise<Price> {
      const { body, trx } = c;
      const { modelId } = c.params;
      const issues = currencyIssues('currency', body.currency, currency);
      if (issues.length > 0) throw failure('validation_failed', { issues });
      const model = await requireModel(c.access, modelId);
      c.access.require('price:write', { type: 'price', id: modelId, name: model.name, team: model.team });
      const row = await store.insertPrice(trx, {
        id: uuidv7(),
        model_id: modelId,
        currency,
        input_per_million: body.inputPerMillion,
        output_per_million: body.outputPerMillion,
        per_request: body.perRequest,
        set_by: c.identity.userId,
      });
      const price = view(row, model);
      const { inputPerMillion, outputPerMillion, perRequest } = price;
      c.note(modelId, { name: model.name, version: model.version, inputPerMillion, outputPerMillion, perRequest });
      return price;
    },

    /** Newest first. Throws `model_not_found`. */
    async history(c: Context<Routes['priceHistory']>): Promise<Price[]> {
      const model = await requireModel(c.access, c.params.modelId);
      return (await store.priceHistory(db, c.params.modelId)).map((row) => view(row, model));
    },
  };
}

const shown = (amount: string): string => formatMoney(parseMoney(amount));

const view = (row: store.PriceRow, model: PricedModel): Price => ({
  modelId: row.model_id,
  modelName: model.name,
  version: model.version,
  currency: row.currency,
  inputPerMillion: shown(row.input_per_million),
  outputPerMillion: shown(row.output_per_million),
  perRequest: shown(row.per_request),
  since: row.since.toISOString(),
  setBy: row.set_by,
});

/** A price as the inference path reckons with it. */
export const modelPrice = (
  row: Pick<store.PriceRow, 'input_per_million' | 'output_per_million' | 'per_request'>,
): ModelPrice => ({
  perInputToken: perToken(parseMoney(row.input_per_million)),
  perOutputToken: perToken(parseMoney(row.output_per_million)),
  perRequest: parseMoney(row.per_request),
  shown: {
    input: shown(row.input_per_million),
    output: shown(row.output_per_million),
    request: shown(row.per_request),
  },
});
