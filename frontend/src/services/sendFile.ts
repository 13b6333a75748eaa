import { addressOf, errorOf, unreachable } from '@llm-ops/sdk';
import { identityHeaders } from '../session/identity.ts';

/** What files are sent to. */
export type UploadKind = 'model' | 'dataset';
const routes = { model: 'uploadModelFiles', dataset: 'uploadDatasetFiles' } as const;
/**
 * From here on a file goes in parts that survive a dropped connection, a reload and a restarted server, in bytes. Datasets are read
 * before they are taken: one that goes at once is answered with what is wrong in it, so only what takes a while goes in parts.
 */
const resumableFrom = { model: 64 * 1024 * 1024, dataset: 16 * 1024 * 1024 };
const uploads = '/llm-ops/v1/uploads';

/** Can sending this file be paused and go on where it was? */
export const isResumable = (kind: UploadKind, size: number): boolean => size > resumableFrom[kind];

interface Sending {
  kind: UploadKind;
  /** of the model or dataset */
  id: string;
  file: File;
  /** what is said of the file beside its bytes */
  fields: Record<string, string>;
  signal: AbortSignal;
  /** bytes that arrived */
  onProgress: (bytes: number) => void;
}

/** Stores one file. Throws `ApiError`; aborting `signal` throws an `AbortError` and keeps what arrived of a large file. */
export function sendFile(sending: Sending): Promise<void> {
  return isResumable(sending.kind, sending.file.size) ? sendInParts(sending) : sendAtOnce(sending);
}

/** `fetch` tells no upload progress, XMLHttpRequest does. */
function sendAtOnce({ kind, id, file, fields, signal, onProgress }: Sending): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    // before the file: the platform reads it as it comes
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('files', file, file.name);
    request.open('POST', addressOf(routes[kind], { id }));
    for (const [name, value] of Object.entries(identityHeaders())) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', (event) => onProgress(Math.min(event.loaded, file.size)));
    request.addEventListener('load', () =>
      request.status < 300 ? resolve() : reject(errorOf(request.status, request.responseText)),
    );
    request.addEventListener('error', () => reject(unreachable(null)));
    request.addEventListener('abort', () => reject(new DOMException('Stopped', 'AbortError')));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(body);
  });
}

async function sendInParts({ kind, id, file, fields, signal, onProgress }: Sending): Promise<void> {
  const { DetailedError, Upload } = await import('tus-js-client');
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint: uploads,
      chunkSize: 32 * 1024 * 1024,
      retryDelays: [0, 500, 2000, 5000, 10_000, 20_000],
      metadata: { ...fields, subject_kind: kind, subject_id: id, path: file.name },
      headers: identityHeaders(),
      // the same file for another model is another upload
      fingerprint: async (of) => `llmops-${id}-${(of as File).name}-${file.size}-${file.lastModified}`,
      removeFingerprintOnSuccess: true,
      onProgress,
      onSuccess: () => resolve(),
      onError(error) {
        const response = error instanceof DetailedError ? error.originalResponse : null;
        reject(response ? errorOf(response.getStatus(), response.getBody()) : unreachable(error));
      },
    });
    signal.addEventListener('abort', () => {
      void upload.abort();
      reject(new DOMException('Stopped', 'AbortError'));
    });
    upload.findPreviousUploads().then((previous) => {
      if (previous[0]) upload.resumeFromPreviousUpload(previous[0]);
      if (!signal.aborted) upload.start();
    }, reject);
  });
}
