import { setImmediate as turn } from 'node:timers/promises';
import { FailureData, urlOf, type RouteSpec, type RouteTable } from '@llm-ops/contracts';
import { z } from 'zod';
import { catalogue, type ErrorCode } from '#platform/errors';

type Json = Record<string, unknown>;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
    override({ zodSchema, jsonSchema }) {
      const { type, catchall } = zodSchema._zod.def as { type: string; catchall?: unknown };
      // as `declaredFields` takes them
      if (io === 'input' && type === 'object' && catchall === undefined) jsonSchema.additionalProperties = false;
    },
  }) as Json;
  return json;
}

/** OpenAPI 3.1 of the route tables: what is served at `/llm-ops/v1/openapi.json`. A route in a turn: all together take a tenth of a second and more. */
export async function openApi(tables: readonly RouteTable[], info: { version: string }): Promise<Json> {
  const paths: Record<string, Json> = {};
  for (const table of tables) {
    for (const [operationId, route] of Object.entries(table)) {
      await turn();
      const path = urlOf(route);
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(operationId, route) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'LLM Ops',
      version: info.version,
      description:
        'Every answer below is `{status, message, data}`; a failure carries `code`, `errorId`, `issues` and `remedy` in `data`. Under `/v1/organization` answers are as they are, and a failure is `{error}`. Fields and query parameters that are not listed are refused, but for fields of chat requests, which are for the engine.',
    },
    servers: [{ url: '/' }],
    tags: [...new Set(tables.flatMap((table) => Object.values(table).map((route) => route.tag)))].map((name) => ({
      name,
    })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key (lo_…) or an OIDC token.' },
        headerUser: { type: 'apiKey', in: 'header', name: 'X-User-Id', description: 'Header mode, with X-User-Roles.' },
        session: { type: 'apiKey', in: 'cookie', name: 'llmops_session' },
      },
      schemas: { Failure: envelope(schemaOf(FailureData, 'output'), 'fail'), PlainFailure: plainFailure },
    },
  };
}

function operation(operationId: string, route: RouteSpec): Json {
  const result: Json = {
    operationId,
    summary: route.summary,
    tags: [route.tag],
    'x-permission': route.permission,
    security: route.permission === 'public' ? [] : [{ bearer: [] }, { headerUser: [] }, { session: [] }],
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...(route.idempotent === true ? [idempotencyKey] : []),
    ],
    responses: responses(route),
  };
  if (route.body !== undefined) {
    const optional = route.body.safeParse(undefined).success;
    result['requestBody'] = {
      required: !optional,
      content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
    };
  } else if (route.rawBody === true) {
    const files = { type: 'array', items: { type: 'string', contentMediaType: 'application/octet-stream' } };
    const beside = route.form === undefined ? {} : (schemaOf(route.form, 'input') as { properties: Json }).properties;
    const schema = { type: 'object', properties: { ...beside, files }, required: ['files'] };
    result['requestBody'] = { required: true, content: { 'multipart/form-data': { schema } } };
  }
  return result;
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: 200, pattern: '^[A-Za-z0-9._:-]+$' },
};

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const json = schemaOf(schema, 'input') as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required ?? []).includes(name),
    schema: property,
  }));
}

function responses(route: RouteSpec): Json {
  const ok =
    route.answer === 'file'
      ? { description: 'The content.', content: { '*/*': { schema: {} } } }
      : {
          description: 'Done.',
          content: {
            'application/json': { schema: answerOf(route) },
            ...(route.events === undefined ? {} : { 'text/event-stream': eventSchema(route.events) }),
          },
        };
  const common: ErrorCode[] = [
    'validation_failed',
    'unauthenticated',
    'permission_denied',
    'route_unknown',
    'rate_limited',
    'headers_too_large',
    'internal',
    'database_unavailable',
  ];
  const writes: ErrorCode[] =
    route.method === 'GET'
      ? []
      : ['payload_too_large', 'media_type_unsupported', 'idempotency_conflict', 'idempotency_mismatch'];
  const codes = [...common, ...writes, ...((route.failures ?? []) as ErrorCode[])];
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = catalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const failed = route.answer === 'plain' ? 'PlainFailure' : 'Failure';
  const failures = [...byStatus].map(([status, list]) => [
    String(status),
    {
      description: list.join(', '),
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${failed}` } } },
    },
  ]);
  return { '200': ok, ...Object.fromEntries(failures) };
}

/** OpenAPI 3.1 has no words for the events of a stream: their shapes stand beside it. */
function eventSchema(events: NonNullable<RouteSpec['events']>): Json {
  const shapes = Object.entries(events).map(([name, shape]) => [name, schemaOf(shape, 'output')]);
  return { schema: { type: 'string' }, 'x-events': Object.fromEntries(shapes) };
}

function answerOf(route: RouteSpec): Json {
  const data = route.data === undefined ? {} : schemaOf(route.data, 'output');
  return route.answer === 'plain' ? data : envelope(data, 'success');
}

const plainFailure: Json = { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] };

function envelope(data: Json, status: 'success' | 'fail'): Json {
  return {
    type: 'object',
    properties: { status: { const: status }, message: { type: 'string' }, data },
    required: ['status', 'message', 'data'],
  };
}
