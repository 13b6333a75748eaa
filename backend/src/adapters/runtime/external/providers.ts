import type { Provider } from '#ports/provider';

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
): Target | { reason: string; message: string; remedy: string } {
  const kind = String(metadata['provider'] ?? '');
  const provider = Object.hasOwn(providers, kind) ? providers[kind] : undefined;
  if (provider === undefined) {
    const remedy = `Set metadata.provider to one of ${Object.keys(providers).join(', ')}.`;
    return { reason: 'ProviderUnknown', message: `The provider "${kind}" is not known.`, remedy };
  }
  const baseUrl = provider.baseUrl(metadata);
  const model = provider.model(metadata);
  if (baseUrl === null || !URL.canParse(baseUrl)) {
    const field = kind === 'ollama' ? 'endpoint' : 'base_url';
    return {
      reason: 'ProviderAddressInvalid',
      message: `metadata.${field} is not a URL.`,
      remedy: `Set metadata.${field}.`,
    };
  }
  if (model === null) {
    return {
      reason: 'ProviderModelMissing',
      message: 'metadata.model_name is missing.',
      remedy: 'Set metadata.model_name.',
    };
  }
  return { provider, baseUrl, model };
}
