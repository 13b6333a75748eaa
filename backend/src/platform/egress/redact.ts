/** What the other side said, without the credentials that these request headers carried: some providers repeat the key they refuse. */
export function withoutCredentials(said: string, headers: Readonly<Record<string, string>>): string {
  const secrets = Object.values(headers).flatMap((value) => [value, value.replace(/^\S+ +/, '')]);
  return secrets
    .filter((secret) => secret.length >= 8)
    .reduce((text, secret) => text.replaceAll(secret, '[redacted]'), said);
}
