import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { text, trimmed } from '../fields.ts';

/** Any other image or service, of which no more is known than that it speaks OpenAI's API at `base_url`. */
export const custom: Provider = {
  ...compatible,
  kind: 'custom',
  telemetryName: 'custom',
  keyless: true,
  streamUsage: 'option',
  baseUrl({ base_url }) {
    const place = text(base_url);
    return place === null ? null : trimmed(place);
  },
};
