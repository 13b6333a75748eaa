import { createCaller } from '@llm-ops/sdk';
import { identityHeaders } from '../session/identity.ts';

/** Every call of the web goes through here: same origin, the chosen identity, the session's CSRF token. */
export const api = createCaller({ headers: identityHeaders });
