import { z } from 'zod';
import { Said } from './common.ts';

export const Preflight = z.object({
  level: z.enum(['green', 'amber', 'red']),
  checks: z.array(
    z.object({
      name: z.string(),
      level: z.enum(['green', 'amber', 'red']),
      message: z.string(),
      remedy: z.string().nullable(),
      said: Said,
    }),
  ),
  memory: z
    .object({
      weightsBytes: z.number(),
      kvCacheBytes: z.number(),
      overheadBytes: z.number(),
      requiredBytes: z.number(),
      freeBytes: z.number().nullable(),
    })
    .nullable(),
});
