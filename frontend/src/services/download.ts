import { addressOf, type Operation } from '@llm-ops/sdk';
import { headerMode } from '../session/identity.ts';
import { api } from './api.ts';

/** The name that an answer gives its file. */
function nameOf(disposition: string | null): string | null {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1] ?? null;
}

function follow(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}

/**
 * Saves what a route answers as a file. With a session the browser streams it to the disk; in header mode a plain link would not say who
 * asks, so it is fetched whole. Throws `ApiError`.
 */
export async function download(
  route: Operation,
  params: Record<string, string>,
  query: Record<string, string> = {},
  fallbackName = 'download',
): Promise<void> {
  const name = params['path']?.split('/').at(-1) ?? fallbackName;
  if (!headerMode.value) {
    follow(addressOf(route, params, query), name);
    return;
  }
  const send = api.send as (route: Operation, args: object) => Promise<Response>;
  const response = await send(route, { params, query });
  const address = URL.createObjectURL(await response.blob());
  follow(address, nameOf(response.headers.get('content-disposition')) ?? name);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
