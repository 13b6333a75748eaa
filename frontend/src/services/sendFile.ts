import { addressOf, errorOf, unreachable } from '@llm-ops/sdk';
import { identityHeaders } from '../session/identity.ts';

/** From here on a file goes in parts that survive a dropped connection, a reload and a restarted server. */
export const resumableFrom = 64 * 1024 * 1024;
const uploads = '/llm-ops/v1/uploads';

interface Sending {
  modelId: string;
  file: File;
  signal: AbortSignal;
  /** bytes that arrived */
  onProgress: (bytes: number) => void;
}

/** Stores one file of a model. Throws `ApiError`; aborting `signal` throws an `AbortError` and keeps what arrived of a large file. */
export function sendFile(sending: Sending): Promise<void> {
  return sending.file.size > resumableFrom ? sendInParts(sending) : sendAtOnce(sending);
}

/** `fetch` tells no upload progress, XMLHttpRequest does. */
function sendAtOnce({ modelId, file, signal, onProgress }: Sending): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append('files', file, file.name);
    request.open('POST', addressOf('uploadModelFiles', { id: modelId }));
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

async function sendInParts({ modelId, file, signal, onProgress }: Sending): Promise<void> {
  const { DetailedError, Upload } = await import('tus-js-client');
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint: uploads,
      chunkSize: 32 * 1024 * 1024,
      retryDelays: [0, 500, 2000, 5000, 10_000, 20_000],
      metadata: { subject_kind: 'model', subject_id: modelId, path: file.name },
      headers: identityHeaders(),
      // the same file for another model is another upload
      fingerprint: async (of) => `llmops-${modelId}-${(of as File).name}-${file.size}-${file.lastModified}`,
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
