import { z } from 'zod';
import { Id, Said, Time } from './common.ts';
import { sentences } from './sentences.ts';

/** How a new revision comes into the traffic: by shares, each kept for a while and looked at. */
export const CanaryPlan = z.object({
  steps: z
    .array(z.number().min(1).max(100))
    .min(1)
    .max(20)
    .refine((steps) => steps.every((step, index) => index === 0 || step > steps[index - 1]!), sentences.steps_rise)
    .default([5, 25, 50, 100])
    .describe('Percent of the traffic; 100 makes it the revision that serves, and follows in any case.'),
  automatic: z
    .boolean()
    .default(true)
    .describe('Go on by itself; false: people change the share. It is taken back by itself in any case.'),
  stepSeconds: z.number().int().min(5).max(604_800).default(300).describe('How long each share is kept at least.'),
  minimumRequests: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(20)
    .describe('No verdict on fewer requests, but that errors are beyond all chance.'),
  moreErrors: z
    .number()
    .min(0)
    .max(100)
    .default(1)
    .describe('Percentage points of errors above the other that are tolerated.'),
  slower: z
    .number()
    .min(0)
    .max(1000)
    .default(20)
    .describe('Percent of p95 latency above the other that are tolerated.'),
});
const RevisionSample = z.object({
  revision: z.number(),
  requests: z.number(),
  errors: z.number().describe('Refused or failed: 400 and above, but 429.'),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  firstTokenP95Ms: z.number().nullable(),
});
export const CanaryComparison = z.object({
  from: Time,
  to: Time,
  stable: RevisionSample,
  canary: RevisionSample,
  verdict: z.object({
    level: z.enum(['good', 'bad', 'unsure']),
    reason: z.enum(['AsGood', 'MoreErrors', 'Slower', 'FewRequests']),
    message: z.string(),
    said: Said,
  }),
});
export const canaryStates = ['waiting', 'running', 'promoted', 'aborted', 'superseded'] as const;
export const Canary = z.object({
  endpointId: Id,
  revision: z.number(),
  stable: z.number().describe('The revision that serves beside it, and that it is measured against.'),
  state: z.enum(canaryStates).describe('waiting: it is not ready yet.'),
  weight: z.number().describe('Percent of the traffic.'),
  weightSince: Time.nullable(),
  nextWeight: z.number().nullable(),
  nextAt: Time.nullable().describe('When it goes on at the earliest; null: not by itself.'),
  steps: z.array(z.number()),
  automatic: z.boolean(),
  stepSeconds: z.number(),
  minimumRequests: z.number(),
  moreErrors: z.number(),
  slower: z.number(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  comparison: CanaryComparison.nullable().describe('Of the present share; of an ended one, what ended it.'),
  createdBy: z.string(),
  createdAt: Time,
  endedBy: z.string().nullable(),
  endedAt: Time.nullable(),
});
export type Canary = z.infer<typeof Canary>;
