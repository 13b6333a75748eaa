import type { IncomingMessage, ServerResponse } from 'node:http';
import { failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import { appendBody } from './append.ts';
import { discard } from './assemble.ts';
import { readBody } from './body.ts';
import type { UploadsDeps } from './index.ts';
import type { UploadLock, UploadLocks } from './lock.ts';
import { replyFailure } from './reply.ts';
import * as rules from './rules.ts';
import type { Upload, UploadStore } from './store.ts';

/** What a request is about, for whoever decides whether it may be done. */
export interface UploadTarget {
  action: 'create' | 'append' | 'inspect' | 'remove';
  /** null when it is to be created */
  id: string | null;
  subjectKind: string;
  subjectId: string;
  path: string;
  /** bytes */
  size: number;
  metadata: Record<string, string>;
}

interface TusDeps extends UploadsDeps {
  store: UploadStore;
  locks: UploadLocks;
  expiryMs: number;
  partBytes: number;
  idleMs: number;
}

type Answer = { status: number; headers?: Record<string, string | number> };

const bodyType = 'application/offset+octet-stream';
const extensions = 'creation,creation-with-upload,termination,checksum,expiration';
const allowed = { collection: 'OPTIONS, POST', upload: 'OPTIONS, HEAD, PATCH, DELETE' };
/** how long a request waits for the one before it to end */
const patience = { waitMs: 10_000, interrupt: true };

/** tus 1.0 (https://tus.io/protocols/resumable-upload): `OPTIONS`, `POST` on the path, `HEAD`, `PATCH` and `DELETE` below it. */
export function createTusHandler(deps: TusDeps): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const {
    store,
    objects,
    locks,
    authorize,
    now,
    log,
    maxBytes,
    expiryMs,
    idleMs,
    path: base = rules.uploadsPath,
  } = deps;

  return async function handle(request, response) {
    response.setHeader('Tus-Resumable', rules.tusVersion);
    try {
      const { status, headers = {} } = await answer(request);
      if (response.destroyed) return;
      response.writeHead(status, { 'cache-control': 'no-store', ...headers }).end();
    } catch (error) {
      replyFailure(request, response, error, log);
    }
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    const id = rules.idOfPath(request.url ?? '', base);
    const override = request.method === 'POST' ? request.headers['x-http-method-override'] : undefined;
    const method = String(override ?? request.method).toUpperCase();
    if (method === 'OPTIONS') return options();
    if (request.headers['tus-resumable'] !== rules.tusVersion) {
      throw failure('upload_version_unsupported', { headers: { 'Tus-Version': rules.tusVersion } });
    }
    if (id === null && method === 'POST') return create(request);
    if (id !== null && method === 'HEAD') return inspect(request, id);
    if (id !== null && method === 'PATCH') return patch(request, id);
    if (id !== null && method === 'DELETE') return remove(request, id);
    throw failure('method_not_allowed', { headers: { Allow: id === null ? allowed.collection : allowed.upload } });
  }

  function options(): Answer {
    return {
      status: 204,
      headers: {
        'Tus-Version': rules.tusVersion,
        'Tus-Extension': extensions,
        'Tus-Max-Size': maxBytes,
        'Tus-Checksum-Algorithm': rules.checksumAlgorithms.join(','),
      },
    };
  }

  async function create(request: IncomingMessage): Promise<Answer> {
    const creation = rules.parseCreation(request.headers, maxBytes);
    const checksum = rules.parseChecksum(request.headers['upload-checksum']);
    const withBody = request.headers['content-type'] === bodyType;
    if (withBody) checkLength(request, creation.size);
    const { userId } = await authorize(request, { action: 'create', id: null, ...creation });
    const at = now();
    const id = uuidv7();
    const expiresAt = new Date(at.getTime() + expiryMs);
    let upload = await store.create({ ...creation, id, createdBy: userId, now: at, expiresAt });
    if (upload.size === 0) {
      upload = await store.advance(upload, { received: 0, now: at, expiresAt }, deps.onComplete);
    } else if (withBody) {
      const created = upload;
      upload = await locks.hold(id, patience, (lock) => receive(request, created, lock, checksum));
    }
    const headers = { Location: `${base}/${id}`, 'Upload-Offset': upload.received, ...expires(upload) };
    return { status: 201, headers: { ...headers, 'content-length': 0 } };
  }

  async function inspect(request: IncomingMessage, id: string | undefined): Promise<Answer> {
    const known = await find(request, id, 'inspect');
    // whoever asks wants to go on: what is still being received from a dead connection is ended and counted first
    const upload = known.status === 'receiving' ? await locks.hold(known.id, patience, () => current(known.id)) : known;
    checkAlive(upload);
    const metadata = rules.formatMetadata(upload.metadata);
    return {
      status: 200,
      headers: {
        'Upload-Offset': upload.received,
        'Upload-Length': upload.size,
        ...(metadata && { 'Upload-Metadata': metadata }),
        ...expires(upload),
      },
    };
  }

  async function patch(request: IncomingMessage, id: string | undefined): Promise<Answer> {
    if (request.headers['content-type'] !== bodyType) {
      throw failure('media_type_unsupported', { remedy: `Send the bytes as ${bodyType}.` });
    }
    const offset = rules.numberOf(request.headers['upload-offset']);
    if (offset === undefined) throw rules.invalid([{ path: 'Upload-Offset', message: 'must be a number of bytes' }]);
    const checksum = rules.parseChecksum(request.headers['upload-checksum']);
    const known = await find(request, id, 'append');
    const advanced = await locks.hold(known.id, patience, async (lock) => {
      const upload = await current(known.id);
      checkAlive(upload);
      if (offset !== upload.received) {
        throw failure('upload_offset_conflict', {
          message: `This upload stands at ${upload.received}, not at ${offset}.`,
          headers: { 'Upload-Offset': String(upload.received) },
        });
      }
      checkLength(request, upload.size - upload.received);
      return upload.status === 'receiving' ? receive(request, upload, lock, checksum) : upload;
    });
    return { status: 204, headers: { 'Upload-Offset': advanced.received, ...expires(advanced) } };
  }

  async function remove(request: IncomingMessage, id: string | undefined): Promise<Answer> {
    const known = await find(request, id, 'remove');
    await locks.hold(known.id, patience, async () => {
      const { status } = await current(known.id);
      if (status === 'verifying' || status === 'complete') throw failure('upload_finished');
      await discard({ store, objects, now }, known.id, 'terminated');
    });
    return { status: 204 };
  }

  async function receive(
    request: IncomingMessage,
    upload: Upload,
    lock: UploadLock,
    checksum: rules.Checksum | null,
  ): Promise<Upload> {
    const body = readBody(request, { idleMs, signal: lock.signal });
    try {
      return await appendBody(deps, upload, body, lock, checksum);
    } finally {
      await body.leave();
    }
  }

  async function find(
    request: IncomingMessage,
    id: string | undefined,
    action: UploadTarget['action'],
  ): Promise<Upload> {
    const upload = id === undefined ? null : await store.find(id);
    const { userId } = await authorize(request, upload && { ...target(upload), action });
    if (upload?.createdBy !== userId) throw failure('upload_not_found');
    return upload;
  }

  async function current(id: string): Promise<Upload> {
    const upload = await store.find(id);
    if (!upload) throw failure('upload_not_found');
    return upload;
  }

  function checkAlive(upload: Upload): void {
    if (upload.status === 'failed')
      throw failure('upload_gone', { message: `This upload was given up: ${upload.error}.` });
    if (upload.status === 'receiving' && upload.expiresAt < now()) throw failure('upload_gone');
  }
}

function target({ id, subjectKind, subjectId, path, size, metadata }: Upload): Omit<UploadTarget, 'action'> {
  return { id, subjectKind, subjectId, path, size, metadata };
}

function checkLength(request: IncomingMessage, left: number): void {
  const length = rules.numberOf(request.headers['content-length']);
  if (length !== undefined && length > left) throw rules.tooLarge(left);
}

function expires(upload: Upload): Record<string, string> {
  return upload.status === 'receiving' ? { 'Upload-Expires': upload.expiresAt.toUTCString() } : {};
}
