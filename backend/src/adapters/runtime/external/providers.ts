import type { Provider } from '#ports/provider';
import type { Condition } from '#ports/runtime';
import { words } from './sentences.ts';

/** kind → what is known of it */
export type Providers = Readonly<Record<string, Provider>>;

export interface Target {
  provider: Provider;
  baseUrl: string;
  model: string;
}

/** What a card of an external model leads to, or the field that is wrong. */
export function targetOf(
  providers: Providers,
  metadata: Record<string, unknown>,
): Target | Pick<Condition, 'reason' | 'message' | 'remedy' | 'said'> {
  const kind = String(metadata['provider'] ?? '');
  const provider = Object.hasOwn(providers, kind) ? providers[kind] : undefined;
  if (provider === undefined) {
    const told = words.tell('unknown', { provider: kind, known: Object.keys(providers) });
    return { reason: 'ProviderUnknown', ...told };
  }
  const baseUrl = provider.baseUrl(metadata);
  const model = provider.model(metadata);
  if (baseUrl === null || !URL.canParse(baseUrl)) {
    const field = kind === 'ollama' ? 'endpoint' : 'base_url';
    return { reason: 'ProviderAddressInvalid', ...words.tell('address', { field }) };
  }
  if (model === null) {
    return { reason: 'ProviderModelMissing', ...words.tell('model') };
  }
  return { provider, baseUrl, model };
}
