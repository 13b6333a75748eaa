import { z } from 'zod';
import { ApiError } from './errors.ts';

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(textPart)], { error: 'only text is offered by this engine' }).nullish(),
});

/** What both kinds of request share. Fields the engine does not know are left alone, those it cannot honour are refused. */
const sampling = {
  model: z.string().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  n: z.literal(1, { error: 'only one choice per request is offered (n = 1)' }).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z
    .record(z.string(), z.number())
    .refine((bias) => Object.keys(bias).length === 0, 'logit bias is not offered by this engine')
    .nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish(), continuous_usage_stats: z.boolean().nullish() })
    .nullish(),
};

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()) }),
  }),
]);

const chatRequest = z.looseObject({
  ...sampling,
  messages: z.array(message).min(1),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.literal(false, { error: 'log probabilities are not offered by this engine' }).nullish(),
  tools: z.array(z.unknown()).max(0, 'tool calls are not offered by this engine').nullish(),
  response_format: responseFormat.nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
});

const completionRequest = z.looseObject({
  ...sampling,
  prompt: z.union([z.string(), z.array(z.string()).length(1), z.array(z.int().min(0)).min(1)]),
  echo: z.literal(false, { error: 'echo is not offered by this engine' }).nullish(),
  logprobs: z.null({ error: 'log probabilities are not offered by this engine' }).optional(),
});

/** OpenAI's own limit of inputs a request. */
const MAX_INPUTS = 2048;

const embeddingRequest = z.looseObject({
  model: z.string().nullish(),
  input: z.union(
    [
      z.string(),
      z.array(z.string()).min(1).max(MAX_INPUTS),
      z.array(z.int().min(0)).min(1),
      z
        .array(z.array(z.int().min(0)).min(1))
        .min(1)
        .max(MAX_INPUTS),
    ],
    { error: `give a text, tokens, or a list of up to ${MAX_INPUTS} of either` },
  ),
  encoding_format: z.enum(['float', 'base64'], { error: 'only float and base64 are offered' }).nullish(),
  dimensions: z.int().min(1).nullish(),
});

export interface ChatMessage {
  role: string;
  content: string;
  [key: string]: unknown;
}

export interface Sampling {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  seed: number | null;
  presencePenalty: number;
  frequencyPenalty: number;
}

export interface GenerationRequest {
  sampling: Sampling;
  /** null: as much as the context holds */
  maxTokens: number | null;
  stop: string[];
  /** the answer must be JSON, of this JSON Schema or of any kind; null: free text */
  json: { schema: Record<string, unknown> | null } | null;
  stream: boolean;
  /** of a stream: usage in a chunk of its own at the end, and in every chunk */
  includeUsage: boolean;
  continuousUsage: boolean;
}

export interface EmbeddingRequest {
  /** texts, or tokens as they are */
  inputs: (string | number[])[];
  base64: boolean;
  /** the length that the vectors are to have; null: the model's */
  dimensions: number | null;
}

export function parseChat(
  body: unknown,
): GenerationRequest & { messages: ChatMessage[]; extra: Record<string, unknown> } {
  const request = parse(chatRequest, body);
  return {
    ...generation(request, request.max_completion_tokens),
    json: jsonOf(request.response_format),
    messages: request.messages.map((entry) => ({ ...entry, content: contentOf(entry.content) })),
    extra: request.chat_template_kwargs ?? {},
  };
}

/** OpenAI's default for completions is 16 tokens. */
export function parseCompletion(body: unknown): GenerationRequest & { prompt: string | number[] } {
  const { prompt, ...request } = parse(completionRequest, body);
  const single = typeof prompt === 'string' ? prompt : typeof prompt[0] === 'string' ? prompt[0] : (prompt as number[]);
  return { ...generation(request, 16), prompt: single };
}

export function parseEmbedding(body: unknown): EmbeddingRequest {
  const { input, encoding_format: format, dimensions } = parse(embeddingRequest, body);
  const single = typeof input === 'string' || typeof input[0] === 'number';
  return {
    inputs: single ? [input as string | number[]] : (input as string[] | number[][]),
    base64: format === 'base64',
    dimensions: dimensions ?? null,
  };
}

function generation(
  request: z.infer<z.ZodObject<typeof sampling>>,
  fallbackTokens: number | null | undefined,
): GenerationRequest {
  return {
    sampling: {
      temperature: request.temperature ?? 1,
      topP: request.top_p ?? 1,
      topK: request.top_k ?? 0,
      minP: request.min_p ?? 0,
      seed: request.seed ?? null,
      presencePenalty: request.presence_penalty ?? 0,
      frequencyPenalty: request.frequency_penalty ?? 0,
    },
    maxTokens: request.max_tokens ?? fallbackTokens ?? null,
    stop: [request.stop ?? []].flat().filter((stop) => stop !== ''),
    json: null,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    continuousUsage: request.stream_options?.continuous_usage_stats ?? false,
  };
}

function jsonOf(format: z.infer<typeof responseFormat> | null | undefined): GenerationRequest['json'] {
  if (format?.type === 'json_schema') return { schema: format.json_schema.schema };
  return format?.type === 'json_object' ? { schema: null } : null;
}

function contentOf(content: string | { text: string }[] | null | undefined): string {
  return typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new ApiError(
    400,
    'invalid_request',
    path === '' ? 'The body must be a JSON object.' : `${path}: ${issue?.message}`,
    path,
  );
}
