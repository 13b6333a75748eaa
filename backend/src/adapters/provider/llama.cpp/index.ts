import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { versioned } from '../fields.ts';

/** The local engine. llama.cpp's own server is spoken to alike, but gives usage at the end only. */
export const llamaCpp: Provider = {
  ...compatible,
  kind: 'llama.cpp',
  telemetryName: 'llama.cpp',
  keyless: true,
  streamUsage: 'continuous',
  baseUrl: ({ base_url }) => versioned(base_url),
};
