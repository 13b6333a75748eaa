import type { Kysely } from 'kysely';
import type { PolicyInForce } from '#platform/access';

/** What the parts of this domain share. */
export interface GovernanceDeps {
  kysely: Kysely<unknown>;
  now(): Date;
  /** policies in force */
  policies(): readonly PolicyInForce[];
}
