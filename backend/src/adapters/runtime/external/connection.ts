import { isFailure } from '#platform/errors';
import type { Egress } from '#platform/egress';
import { targetOf, type Providers } from './providers.ts';

interface Deps {
  providers: Providers;
  egress: Pick<Egress, 'fetch'>;
  timeoutMs?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Asks a provider for its models, by default within 5 s: whether it answers, takes the key and knows the model. `latencyMs` is the time to the
 * whole answer. What the provider does wrong is told in `message`, never thrown.
 */
export function createConnectionTest({ providers, egress, timeoutMs = 5_000 }: Deps) {
  return async function testConnection({
    metadata,
    apiKey,
  }: {
    metadata: Record<string, unknown>;
    apiKey: string | null;
  }): Promise<{ ok: boolean; message: string; latencyMs: number; models: string[] }> {
    const target = targetOf(providers, metadata);
    if ('reason' in target)
      return { ok: false, message: `${target.message} ${target.remedy}`, latencyMs: 0, models: [] };
    const { provider, baseUrl, model } = target;
    const started = performance.now();
    const answer = (ok: boolean, message: string, models: string[] = []) => ({
      ok,
      message,
      latencyMs: Math.round(performance.now() - started),
      models,
    });
    try {
      const response = await egress.fetch(provider.modelsUrl(baseUrl), {
        headers: { accept: 'application/json', ...provider.headers(apiKey) },
        // the signal bounds the body too, the egress's own limit the headers only
        signal: AbortSignal.timeout(timeoutMs),
        timeoutMs,
        maxBytes: MAX_BYTES,
      });
      if (!response.ok) {
        await response.body?.cancel();
        return answer(false, explain(response.status, provider.kind));
      }
      const models = provider.modelNames(await response.json());
      if (models.length === 0)
        return answer(false, `${provider.kind} answers, but lists no models; is the address right?`);
      const known = models.some((name) => provider.same(name, model));
      return answer(
        known,
        known
          ? `${provider.kind} answers and knows ${model}.`
          : `${provider.kind} answers, but does not know ${model}.`,
        models,
      );
    } catch (error) {
      if (isFailure(error)) return answer(false, `${error.message} ${error.remedy}`);
      if (error instanceof SyntaxError)
        return answer(false, `${provider.kind} answers with something that is not JSON; is the address right?`);
      const late = error instanceof Error && error.name === 'TimeoutError';
      return answer(false, late ? `No answer within ${timeoutMs / 1000} s.` : 'The provider cannot be reached.');
    }
  };
}

function explain(status: number, kind: string): string {
  if (status === 401 || status === 403) return `${kind} refuses the key (${status}); set another one.`;
  if (status === 404) return `${kind} has no list of models at this address (404); is the address right?`;
  if (status === 429) return `${kind} says that this key asks too often (429), or has no credit.`;
  return `${kind} answers ${status}.`;
}
