import type { ServerResponse } from 'node:http';
import type { Failure } from '#platform/errors';

/** A path of this server to go back to; `/` for anything else (another origin, a scheme-relative URL, a sign-in path). */
export function returnPath(given: string | null, publicUrl: URL): string {
  if (given === null || given.length > 2_000 || !/^\/(?![/\\])[^\p{Cc}\\]*$/u.test(given)) return '/';
  if (!URL.canParse(given, publicUrl.href)) return '/';
  const url = new URL(given, publicUrl);
  if (url.origin !== publicUrl.origin || url.pathname.startsWith('//') || url.pathname.startsWith('/auth/')) return '/';
  return url.pathname + url.search + url.hash;
}

/** A browser came here by itself, so a person reads the answer. */
export function failurePage(response: ServerResponse, failure: Failure): void {
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign-in</title>
<h1>${escaped(failure.message)}</h1>
<p>${escaped(failure.remedy)}</p>
<p><a href="/auth/login">Sign in again</a> · <a href="/">Home</a></p>
</html>
`;
  response.writeHead(failure.status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'cache-control': 'no-store',
    ...failure.headers,
  });
  response.end(page);
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
