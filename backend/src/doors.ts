import { createSignIn, type Authenticator, type AuthOptions } from '#platform/auth';
import type { Db } from '#platform/db';
import type { RawHandler } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Uploads } from '#platform/uploads';

/** What reads requests by itself, beside the routes and the inference path. */

/** Resumable uploads. */
export const uploadDoor = (uploads: Uploads): RawHandler => ({
  matches: (url) => url === '/llm-ops/v1/uploads' || url.startsWith('/llm-ops/v1/uploads/'),
  handle: (request, response) => void uploads.handle(request, response),
});

/** Null where nobody signs in here. */
export function signInDoor(auth: AuthOptions, db: Db, log: Logger, authenticator: Authenticator): RawHandler | null {
  const { oidc } = auth;
  if (oidc === undefined) return null;
  const signIn = createSignIn({ config: { ...auth, oidc }, db, log, onChange: authenticator.refresh });
  return {
    matches: (url) => url === '/auth/login' || url === '/auth/callback' || url === '/auth/logout',
    handle: (request, response) => void signIn.handle(request, response),
  };
}
