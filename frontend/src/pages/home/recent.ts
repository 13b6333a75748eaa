import type { Dataset, Endpoint, Model } from '@llm-ops/contracts';

export interface Recent {
  /** key in `shell.home.kind` */
  kind: 'model' | 'dataset' | 'endpoint';
  id: string;
  name: string;
  /** what tells it from others of its name */
  below: string;
  status: string;
  changedAt: string;
  /** who made it */
  by: string;
  to: string;
}

/** As many as one can take in at a look; the lists have the rest. */
const most = 6;

/** What somebody may want to go on with: what they made, the last changed first; without any of theirs what anybody made. Pure. */
export function recentOf(
  found: {
    models: readonly Pick<Model, 'id' | 'name' | 'version' | 'status' | 'created_by' | 'updated_at'>[];
    datasets: readonly Pick<Dataset, 'id' | 'name' | 'version' | 'status' | 'created_by' | 'updated_at'>[];
    endpoints: readonly Pick<Endpoint, 'id' | 'route' | 'environment' | 'status' | 'createdBy' | 'updatedAt'>[];
  },
  userId: string,
): { own: boolean; entries: Recent[] } {
  const all: Recent[] = [
    ...found.models.map((model) => ({
      ...ofCatalog('model', model),
      to: `/catalog/models/${model.id}`,
    })),
    ...found.datasets.map((dataset) => ({
      ...ofCatalog('dataset', dataset),
      to: `/catalog/datasets/${dataset.id}`,
    })),
    ...found.endpoints.map(({ id, route, environment, status, createdBy, updatedAt }) => ({
      kind: 'endpoint' as const,
      id,
      name: route,
      below: environment,
      status,
      changedAt: updatedAt,
      by: createdBy,
      to: `/serving/endpoints/${id}`,
    })),
  ];
  const theirs = all.filter(({ by }) => by === userId);
  const own = theirs.length > 0;
  const entries = (own ? theirs : all)
    .toSorted((a, b) => Date.parse(b.changedAt) - Date.parse(a.changedAt))
    .slice(0, most);
  return { own, entries };
}

const ofCatalog = <Kind extends 'model' | 'dataset'>(
  kind: Kind,
  {
    id,
    name,
    version,
    status,
    ...of
  }: Pick<Model | Dataset, 'id' | 'name' | 'version' | 'status' | 'created_by' | 'updated_at'>,
) => ({ kind, id, name, below: version, status, changedAt: of.updated_at, by: of.created_by });
