import { z } from 'zod';
import { Environment, Id } from './common.ts';

const Difference = z.object({ path: z.string(), before: z.unknown(), after: z.unknown() });
export const Drift = z.object({
  route: z.string(),
  modelName: z.string(),
  environments: z.object({ from: Environment, to: Environment }),
  endpoints: z.object({ from: Id, to: Id }),
  differences: z.array(Difference),
  parityNote: z.string().nullable(),
  blocked: z.boolean(),
});
