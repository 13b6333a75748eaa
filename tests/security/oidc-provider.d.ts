/** What the tests use of it: the package brings no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export class Provider {
    constructor(issuer: string, configuration: unknown);
    callback(): RequestListener;
  }
}
