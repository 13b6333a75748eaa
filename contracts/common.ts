import { z } from 'zod';
import { sentences } from './sentences.ts';

export const environments = ['dev', 'stg', 'prod'] as const;
export const Environment = z.enum(environments);
export type Environment = z.infer<typeof Environment>;

export const Id = z.uuid();
export const Time = z.iso.datetime({ offset: true });
/** A moment as clients give it; what comes out is UTC, so that no offset or year that only some programs know goes any further. */
export const TimeIn = z.iso
  .datetime({ offset: true })
  .refine(
    (text) => new Date(text).getTime() >= Date.UTC(1970, 0, 1) && new Date(text).getTime() < Date.UTC(9999, 0, 1),
    sentences.moment,
  )
  .transform((text) => new Date(text).toISOString());
/** What a version is called: also a folder of its files, hence the narrow alphabet. */
export const VersionLabel = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/, sentences.version_label);
/** How the Hugging Face hub calls a model or dataset. */
export const HubId = z
  .string()
  .regex(/^(?!.*(\.\.|--))[A-Za-z0-9][A-Za-z0-9._-]{0,95}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/, sentences.hub_id);
/** A branch, tag or commit there. */
export const HubRevision = z
  .string()
  .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, sentences.hub_revision)
  .default('main');
/** A person-chosen name without control characters or surrounding space. Unicode classes stay out of patterns: few JSON Schema tools know them. */
export const Name = z
  .string()
  .trim()
  .min(1, sentences.empty)
  .max(200, sentences.name_long)
  .refine((value) => !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(value), sentences.control_characters);
export const TeamName = z
  .string()
  .trim()
  .min(1, sentences.empty)
  .max(63, sentences.team_long)
  .refine((value) => /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(value), sentences.team_name);
export const Text = z
  .string()
  .max(20_000)
  .refine((value) => !value.includes('\u0000'), sentences.nul);
/** Of a card: what people want to say of a model or dataset, in names of their own. */
export const Metadata = z.record(z.string().max(200), z.unknown());
export const Visibility = z.enum(['team', 'organization']);

export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many rows at most.'),
  cursor: z.string().max(500).optional().describe('From the Link header of the page before.'),
});

/** What a field is called elsewhere: whoever writes that is told its name here. Registered last, for a schema that wraps it is another one. */
export const otherNames = z.registry<{ names: readonly string[] }>();

export const IdParams = z.object({ id: Id });

/** Query booleans come as text. */
export const QueryBoolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]);

/**
 * By field of the object it stands in: which sentence of the product the field is and what was put into it, so that whoever shows it can say
 * it in another language. A field that it does not name is words of somebody else (a scheduler, a log, a provider), or has no code yet.
 */
export const Said = z
  .record(z.string(), z.object({ code: z.string(), values: z.record(z.string(), z.unknown()).optional() }))
  .optional()
  .describe('By field: the code of the sentence and what was put into it, for a translation.');
export type Said = z.infer<typeof Said>;

export const Issue = z.object({ path: z.string(), message: z.string(), said: Said });
export const FailureData = z
  .object({
    code: z.string(),
    errorId: z.string(),
    issues: z.array(Issue).optional(),
    remedy: z.string().optional(),
    said: Said,
  })
  .catchall(z.unknown());
export type FailureData = z.infer<typeof FailureData>;

/** The reply of every `/llm-ops/v1` route. */
export interface Envelope<T> {
  status: 'success' | 'fail';
  message: string;
  data: T;
}
/** Of an endpoint, counted from 1; as large as the column takes. */
export const RevisionNumber = z.number().int().min(1).max(2_147_483_647);
