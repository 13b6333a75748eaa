import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Structured logs, one JSON object a line; secrets are cut out by name wherever they might slip in. */
export function createLog(options: { level: string; role?: string }, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: options.role === undefined ? null : { role: options.role },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'authorization',
        'headers.authorization',
        'req.headers.authorization',
        'headers.cookie',
        'api_key',
        'apiKey',
        '*.api_key',
        '*.apiKey',
        'password',
        '*.password',
        'secret',
        '*.secret',
      ],
      censor: '[secret]',
    },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}
