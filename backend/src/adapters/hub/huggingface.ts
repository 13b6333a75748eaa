import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isFailure } from '#platform/errors';
import type { Egress } from '#platform/egress';
import type { Logger } from '#platform/log';
import type { Hub, HubFile, HubKind, HubRepository } from '#ports/hub';

const describeMs = 10_000;
const maxAnswerBytes = 64 * 1024 * 1024;
/** tries in a row that bring no byte */
const maxBarren = 5;
/** below which files of a kind lie */
const folders: Record<HubKind, string> = { model: '', dataset: 'datasets/' };

/** The Hugging Face hub, or a mirror with its URL layout. */
export function createHuggingFace(deps: {
  egress: Pick<Egress, 'fetch'>;
  /** `https://huggingface.co` */
  endpoint: string;
  token: string | null;
  log: Logger;
  /** first pause before a dropped connection is taken up again; it doubles. 500 ms when not given */
  pauseMs?: number;
}): Hub {
  const { egress, log } = deps;
  const endpoint = deps.endpoint.replace(/\/+$/, '');
  const pauseMs = deps.pauseMs ?? 500;

  async function ask(
    url: string,
    init: {
      kind: HubKind;
      timeoutMs: number;
      signal?: AbortSignal;
      headers?: Record<string, string>;
      maxBytes?: number;
    },
  ) {
    const { kind, ...how } = init;
    const headers = { ...(deps.token === null ? {} : { authorization: `Bearer ${deps.token}` }), ...init.headers };
    let response;
    try {
      response = await egress.fetch(url, { ...how, headers });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw failure('huggingface_unreachable', {
        message: `${endpoint} cannot be reached: ${(cause as Error).message}`,
        cause,
      });
    }
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(response.status, kind);
  }

  function refusal(status: number, kind: HubKind) {
    if (status === 429 || status >= 500)
      return failure('huggingface_unreachable', { message: `${endpoint} answered ${status}.` });
    const why = status === 404 ? `There is no such ${kind} or revision` : `The hub does not give it to us (${status})`;
    return failure('huggingface_refused', { message: `${why} at ${endpoint}.` });
  }

  async function* bytes(
    id: string,
    commit: string,
    file: HubFile,
    signal: AbortSignal,
    kind: HubKind,
  ): AsyncGenerator<Buffer> {
    const url = `${endpoint}/${folders[kind]}${pathOf(id)}/resolve/${encodeURIComponent(commit)}/${pathOf(file.path)}`;
    let offset = 0;
    for (let barren = 0; offset < file.size || barren === 0;) {
      const before = offset;
      try {
        const headers: Record<string, string> = {
          'accept-encoding': 'identity',
          ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
        };
        const response = await ask(url, { kind, timeoutMs: 30_000, signal, headers });
        // a server that does not know ranges begins again
        let skip = response.status === 206 ? 0 : offset;
        for await (const part of response.body ?? []) {
          const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
          const passed = Math.min(skip, chunk.length);
          skip -= passed;
          if (passed === chunk.length) continue;
          const fresh = chunk.subarray(passed);
          offset += fresh.length;
          yield fresh;
        }
        if (offset >= file.size) return;
        throw new Error('the connection ended early');
      } catch (error) {
        signal.throwIfAborted();
        if (isFailure(error, 'huggingface_refused')) throw error;
        barren = offset > before ? 1 : barren + 1;
        log.info(
          { file: file.path, offset, reason: (error as Error).message },
          'download broke off, taking it up again',
        );
        if (barren > maxBarren)
          throw failure('huggingface_unreachable', {
            message: `${file.path} breaks off at byte ${offset}.`,
            cause: error,
          });
        await sleep(pauseMs * 2 ** (barren - 1), undefined, { signal });
      }
    }
  }

  return {
    async describe(id, revision, kind = 'model') {
      const url = `${endpoint}/api/${kind}s/${pathOf(id)}/revision/${encodeURIComponent(revision)}?blobs=true`;
      const response = await ask(url, {
        kind,
        timeoutMs: describeMs,
        maxBytes: maxAnswerBytes,
        signal: AbortSignal.timeout(describeMs),
      });
      const answer: unknown = await response.json().catch((cause: unknown) => {
        throw failure('huggingface_unreachable', { message: `${endpoint} does not answer as the hub does.`, cause });
      });
      return repositoryOf(answer, id, endpoint);
    },
    read: (id, commit, file, signal, kind = 'model') =>
      Readable.from(bytes(id, commit, file, signal, kind), { objectMode: false }),
  };
}

type Json = Record<string, unknown>;

function repositoryOf(answer: unknown, id: string, endpoint: string): HubRepository {
  const { sha, siblings, cardData } = (typeof answer === 'object' && answer !== null ? answer : {}) as Json;
  if (typeof sha !== 'string' || !/^[0-9a-zA-Z]{1,64}$/.test(sha) || !Array.isArray(siblings)) {
    throw failure('huggingface_unreachable', { message: `${endpoint} does not answer as the hub does.` });
  }
  const card = (cardData ?? {}) as Json;
  return {
    id,
    commit: sha,
    // a card may name several
    license: texts(card.license)[0] ?? null,
    languages: texts(card.language),
    files: siblings.flatMap((entry: Json): HubFile[] => {
      const { rfilename: path, size, lfs, blobId } = entry;
      const large = (lfs ?? {}) as Json;
      const bytes = typeof large.size === 'number' ? large.size : size;
      if (typeof path !== 'string' || typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return [];
      const sha256 = typeof large.sha256 === 'string' ? large.sha256 : large.oid;
      return [
        {
          path,
          size: bytes,
          sha256: typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : null,
          gitBlob:
            (lfs ?? null) === null && typeof blobId === 'string' && /^[0-9a-f]{40}$/.test(blobId) ? blobId : null,
        },
      ];
    }),
  };
}

function texts(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((one) => (typeof one === 'string' && one !== '' ? [one.slice(0, 200)] : [])).slice(0, 100);
}

const pathOf = (path: string) => path.split('/').map(encodeURIComponent).join('/');
