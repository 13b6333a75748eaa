import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as contracts from '@llm-ops/contracts';
import { isFailure, type Issue } from '#platform/errors';
import { openApi } from './openapi.ts';
import { parseRequest } from './parse.ts';

const { catalogRoutes, changeRoutes, costRoutes, gatewayRoutes, governanceRoutes, servingRoutes } = contracts;

function issuesOf(work: () => unknown): Issue[] | undefined {
  try {
    work();
  } catch (error) {
    if (isFailure(error, 'validation_failed')) return error.issues;
    throw error;
  }
  return undefined;
}

const textsOf = (issues: Issue[] | undefined) => issues?.map(({ path, message }) => `${path}: ${message}`);

test('FR-011: a misspelt limit of a budget is refused with its place and what is known, for it would hold nothing back', () => {
  const budget = (limit: object) => ({ name: 'b', scope: { type: 'global' }, period: 'daily', limit, action: 'stop' });
  const issues = issuesOf(() =>
    parseRequest(costRoutes.createBudget, {}, {}, budget({ money: '5', requests: 1000, token: 1 })),
  );
  const known = 'Known are amount, currency, tokens, requests.';
  assert.deepEqual(textsOf(issues), [
    `limit.money: Not known. ${known}`,
    `limit.token: Not known. Did you mean tokens? ${known}`,
  ]);
  assert.equal(
    issuesOf(() => parseRequest(costRoutes.createBudget, {}, {}, budget({ tokens: 1000 }))),
    undefined,
  );
});

test('FR-006l: limits of a key may be written in either case of letters, not in other words', () => {
  const key = (limits: object) => ({ name: 'k', team: 't', roles: ['developer'], limits });
  const parsed = parseRequest(governanceRoutes.createApiKey, {}, {}, key({ requests_per_minute: 5 }));
  assert.deepEqual((parsed.body as { limits: unknown }).limits, { requestsPerMinute: 5 });
  const issues = issuesOf(() => parseRequest(governanceRoutes.createApiKey, {}, {}, key({ rpm: 5 })));
  assert.deepEqual(
    issues?.map(({ path }) => path),
    ['limits.rpm'],
  );
});

test('FR-008: a field or parameter that is not declared is refused with what was meant; what was read and sent back is told apart', () => {
  const model = { name: 'm', version: '1', type: 'base', owner_team: 't' };
  const told = (work: () => unknown) => issuesOf(work)?.map(({ path, message }) => `${path}: ${message}`) ?? [];
  const create = (more: object, query = {}) =>
    told(() => parseRequest(catalogRoutes.createModel, {}, query, { ...model, ...more }));
  assert.deepEqual(create({ metadata: { descripton: 'x', deep: { any: 1 } }, modelFamily: 'llama' }), []);
  assert.match(
    create({ visibilty: 'team' }).join(),
    /^visibilty: Not known\. Did you mean visibility\? Known are name, version, /,
  );
  assert.match(
    create({ status: 'approved' }).join(),
    /^status: Answered, but not taken here: leave it out\. Known are name, /,
  );
  assert.deepEqual(create({}, { dry_run: 'true' }), ['dry_run: Not known. Nothing is taken here.']);
  const list = told(() => parseRequest(catalogRoutes.listModels, {}, { state: 'draft', ownerTeam: 't' }, undefined));
  assert.deepEqual(list, ['state: Not known. Known are limit, cursor, type, status, owner_team, name.']);
});

test('FR-008, FR-006: who deploys in the words of elsewhere is told the names that are taken here, also where the reply has the word', () => {
  const place = { modelId: crypto.randomUUID(), environment: 'dev', route: '/r' };
  const meant = (route: contracts.RouteSpec, body: object) =>
    Object.fromEntries(
      issuesOf(() => parseRequest(route, route.params === undefined ? {} : { id: crypto.randomUUID() }, {}, body))!.map(
        ({ path, message }) => [path, /Did you mean (\w+)\?/.exec(message)?.[1] ?? message.slice(0, 40)],
      ),
    );
  const image = 'vllm/vllm-openai:v0.15.0';
  assert.deepEqual(
    meant(servingRoutes.deployEndpoint, { ...place, image, replicas: 2, gpus: 1, max_model_len: 4096, arguments: [] }),
    {
      image: 'servingRuntimeImage',
      replicas: 'minReplicas',
      gpus: 'gpuCount',
      max_model_len: 'contextLength',
      arguments: 'args',
    },
  );
  assert.deepEqual(meant(servingRoutes.deployEndpoint, { ...place, runtimeImage: image }), {
    runtimeImage: 'servingRuntimeImage',
  });
  assert.deepEqual(meant(servingRoutes.redeployEndpoint, { image }), { image: 'servingRuntimeImage' });
  // nothing like it can be changed there
  assert.match(meant(servingRoutes.updateEndpoint, { runtimeImage: image }).runtimeImage!, /^Answered, but not taken/);
});

test('FR-008: a route without a body takes none, and an empty object for one', () => {
  const sent = (body: unknown) =>
    issuesOf(() => parseRequest(catalogRoutes.testModelConnection, { id: crypto.randomUUID() }, {}, body));
  for (const body of [undefined, null, {}]) assert.equal(sent(body), undefined);
  assert.deepEqual(textsOf(sent({ timeout: 5 })), ['timeout: Not known. Nothing is taken here.']);
  assert.equal(sent([1])?.length, 1);
});

test('FR-008: of shapes that a field chooses among, the chosen one is looked at: its own names, in either case', () => {
  const submit = (body: object) => parseRequest(changeRoutes.submitChange, {}, {}, body);
  const endpoint_id = crypto.randomUUID();
  const parsed = submit({ kind: 'promote', endpoint_id, environment: 'stg', parity_note: 'why' }).body;
  assert.deepEqual(parsed, { kind: 'promote', endpointId: endpoint_id, environment: 'stg', parityNote: 'why' });
  const issues = issuesOf(() => submit({ kind: 'promote', endpoint_id, environment: 'stg', gpuCount: 2 }));
  assert.deepEqual(
    issues?.map(({ path }) => path),
    ['gpuCount'],
  );
});

test('FR-008: a path that ends in a file is no parameter of its own, and thousands of unknown fields are told of by twenty', () => {
  const params = { id: crypto.randomUUID(), '*': 'a/config.json' };
  assert.deepEqual(parseRequest(catalogRoutes.getModelFile, params, {}, undefined).params, {
    id: params.id,
    path: 'a/config.json',
  });
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`field${at}`, at]));
  assert.equal(issuesOf(() => parseRequest(gatewayRoutes.updateRoute, { id: params.id }, {}, many))?.length, 20);
});

interface Shape {
  type?: string;
  const?: unknown;
  properties?: Record<string, Shape>;
  additionalProperties?: boolean | Shape;
  items?: Shape;
  anyOf?: Shape[];
  oneOf?: Shape[];
  allOf?: Shape[];
}
type Misspelt = { place: string[]; body: unknown; closed: boolean };
/** A body for each object that a schema of the document allows in it, with a field there that nobody knows. */
function* misspelt(shape: Shape, place: string[] = [], wrap = (inner: unknown): unknown => inner): Generator<Misspelt> {
  const { type, properties = {}, additionalProperties: others, items } = shape;
  const chosen = Object.entries(properties).filter(([, { const: constant }]) => constant !== undefined);
  const told = Object.fromEntries(chosen.map(([name, { const: constant }]) => [name, constant]));
  if (type === 'object') yield { place: [...place, 'zzz'], body: wrap({ ...told, zzz: 1 }), closed: others === false };
  for (const [name, inner] of Object.entries(properties))
    yield* misspelt(inner, [...place, name], (value) => wrap({ ...told, [name]: value }));
  if (typeof others === 'object') yield* misspelt(others, [...place, 'any'], (value) => wrap({ ...told, any: value }));
  if (items !== undefined) yield* misspelt(items, [...place, '0'], (value) => wrap([value]));
  for (const option of [...(shape.anyOf ?? []), ...(shape.oneOf ?? []), ...(shape.allOf ?? [])])
    yield* misspelt(option, place, wrap);
}

/** Bodies of inference are the engine's; these are names that clients choose themselves. */
const open = /(^|\.)(metadata|env|methods|rules\.0\.resources\.match|resource)$/;

test('FR-008, QS-contract: no object of any request body but maps takes a field that it does not know, and the document says so', async () => {
  const tables = Object.entries(contracts).filter(([name]) => name.endsWith('Routes') && name !== 'inferenceRoutes');
  const routes = Object.assign({}, ...tables.map(([, table]) => table)) as contracts.RouteTable;
  const document = (await openApi([routes], { version: '1' })) as {
    paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Shape }> } }>>;
  };
  let places = 0;
  for (const [name, route] of Object.entries(routes)) {
    const operation = document.paths[contracts.urlOf(route)]?.[route.method.toLowerCase()];
    const shape = operation?.requestBody?.content['application/json']?.schema;
    for (const { place, body, closed } of shape === undefined ? [] : misspelt(shape)) {
      const [at, where] = [place.join('.'), `${name} ${place.join('.')}: ${JSON.stringify(body)}`];
      assert.equal(!closed, open.test(place.slice(0, -1).join('.')), where);
      if (!closed) continue;
      const issues = issuesOf(() => parseRequest(route, {}, {}, body)) ?? [];
      assert.ok(
        issues.some((issue) => issue.path === at && issue.message.startsWith('Not known.')),
        `${where} gave ${JSON.stringify(issues)}`,
      );
      places += 1;
    }
  }
  assert.ok(places > 80, String(places));
});

test('FR-006j: what a redeployment takes in its body alone is not lost in the query', () => {
  const redeploy = (query: object) =>
    issuesOf(() => parseRequest(servingRoutes.redeployEndpoint, { id: crypto.randomUUID() }, { ...query }, undefined));
  assert.equal(redeploy({ use_gpu: 'false', cpuLimit: '2' }), undefined);
  assert.deepEqual(
    redeploy({ gpuCount: '2' })?.map(({ path }) => path),
    ['gpuCount'],
  );
});
