/** What being in a group of the identity provider means here: `{"ml-team": {"team": "nlp", "roles": ["developer"]}}` */
export type GroupMap = Readonly<Record<string, { team?: string | undefined; roles?: readonly string[] | undefined }>>;

export interface OidcOptions {
  /** OIDC_ISSUER */
  issuer: string;
  /** OIDC_CLIENT_ID */
  clientId: string;
  /** OIDC_CLIENT_SECRET; a public client has none */
  clientSecret?: string | undefined;
  /** OIDC_AUDIENCE: of bearer tokens; the client id when not given */
  audience?: string | undefined;
  /** OIDC_ROLES_CLAIM, dotted; `roles` when not given */
  rolesClaim?: string | undefined;
  /** OIDC_TEAMS_CLAIM, dotted; `groups` when not given */
  teamsClaim?: string | undefined;
  /** OIDC_GROUP_MAP, for the claim `groups` */
  groupMap?: GroupMap | undefined;
}

export interface AuthOptions {
  /** IDENTITY_MODE */
  mode: 'header' | 'oidc' | 'both';
  /** TRUSTED_PROXIES: addresses and networks whose identity headers are believed, beside loopback */
  trustedProxies?: readonly string[];
  /** PROXY_SHARED_SECRET: believed from anywhere when sent as `x-proxy-secret` */
  proxySharedSecret?: string | undefined;
  /** needed unless the mode is `header` */
  oidc?: OidcOptions | undefined;
  /** SESSION_HOURS; 12 when not given */
  sessionHours?: number;
  /** PUBLIC_URL: where browsers find this server, without a path */
  publicUrl: string;
}
