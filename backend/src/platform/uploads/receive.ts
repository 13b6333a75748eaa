import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import { failure, unknownField } from '#platform/errors';
import { discardBody } from './body.ts';
import { checkPath } from './rules.ts';

export interface ReceiveOptions {
  /**
   * Takes one file: reads `stream` to its end, or throws, which ends the whole request. `name` is a good path of at most three segments.
   * Files come one after the other: the next one when this promise has ended.
   */
  onFile(name: string, stream: Readable, part: { field: string; contentType: string }): Promise<void>;
  maxFileBytes: number;
  /** names of the fields that may stand beside the files; none when not given */
  fields?: readonly string[];
  /** defaults: 1000 files, 100 fields of 64 KiB */
  limits?: { files?: number; fields?: number; fieldBytes?: number };
}

export interface ReceivedFiles {
  /** in the order of the body */
  files: string[];
  fields: Record<string, string>;
}

/** so much of a file waits in memory for a slow store */
const bufferBytes = 256 * 1024;
/** files that have begun to arrive but are not yet stored; more wait in the socket */
const maxOpen = 8;

/**
 * Receives multipart/form-data as it streams. Throws, after every `onFile` has ended: `media_type_unsupported`, `upload_malformed`,
 * `upload_aborted`, `object_too_large`, `object_key_invalid`, `payload_too_large`, `validation_failed` for a field that is not known, or
 * what `onFile` threw. Streams of files that are not complete fail with the same error, so what they are put to keeps nothing; removing
 * files that were complete is the caller's.
 */
export async function receiveFiles(request: IncomingMessage, options: ReceiveOptions): Promise<ReceivedFiles> {
  const { onFile, maxFileBytes, limits = {} } = options;
  const known = [...(options.fields ?? []), 'files'];
  const received: ReceivedFiles = { files: [], fields: Object.create(null) };
  const names = new Set<string>();
  const open = new Set<Readable>();
  let previous = Promise.resolve();
  let parsed = false;
  let problem: { error: unknown } | null = null;
  let wake = () => {};
  const parser = createParser(request, maxFileBytes, limits);

  function fail(error: unknown): void {
    problem ??= { error };
    for (const stream of open) stream.destroy(problem.error as Error);
    wake();
  }

  function take(field: string, stream: BusboyFileStream, name: string, contentType: string): void {
    // destroyed streams report their error to whoever reads them; nobody may
    stream.on('error', () => undefined);
    stream.on('limit', () => {
      const message = `${name} is larger than ${maxFileBytes} bytes.`;
      fail(failure('object_too_large', { message, data: { file: name } }));
    });
    if (problem) return void stream.destroy();
    const stored = previous.then(async () => {
      if (problem) return;
      checkPath(name);
      if (names.has(name.toLowerCase())) {
        throw failure('object_key_invalid', {
          message: `${name} comes twice in this upload, or differs only by case.`,
        });
      }
      names.add(name.toLowerCase());
      received.files.push(name);
      await onFile(name, stream, { field, contentType });
      if (!stream.readableEnded) throw new Error(`${name} was not read to its end`);
    });
    previous = stored.catch(fail).finally(() => {
      open.delete(stream);
      wake();
    });
    open.add(stream);
  }

  parser.on('file', (field, stream, name, _encoding, contentType) => take(field, stream, name ?? '', contentType));
  parser.on('field', (field, value, _nameTruncated, truncated) => {
    if (truncated) fail(failure('payload_too_large', { message: `The field ${field.slice(0, 100)} is too long.` }));
    // `files` as a text is an upload without its file, of which the caller tells
    if (!known.includes(field)) fail(failure('validation_failed', { issues: [unknownField([field], known)] }));
    received.fields[field] = value;
  });
  for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    parser.on(limit, () => fail(failure('payload_too_large', { message: 'The body has too many parts.' })));
  }
  parser.on('error', (cause) => fail(failure('upload_malformed', { cause })));
  parser.on('finish', () => {
    parsed = true;
    wake();
  });

  // takes the body in as fast as the parser and the store do. Events, unlike an iterator, do not copy chunks
  await new Promise<void>((resolve) => {
    let full = false;
    wake = () => {
      if (problem || parsed) return resolve();
      if (!full && open.size <= maxOpen) request.resume();
      else request.pause();
    };
    parser.on('drain', () => {
      full = false;
      wake();
    });
    request.on('data', (chunk: Buffer) => {
      if (problem) return;
      full = !parser.write(chunk);
      wake();
    });
    request.on('end', () => problem ?? parser.end());
    request.on('error', (cause) => fail(failure('upload_aborted', { cause })));
    request.on('close', () => request.readableEnded || fail(failure('upload_aborted')));
    if (request.destroyed) fail(failure('upload_aborted'));
  });
  await previous;
  // set by callbacks, which the compiler does not see
  const found = problem as { error: unknown } | null;
  if (!found) return received;
  discardBody(request);
  throw found.error;
}

function createParser(request: IncomingMessage, maxFileBytes: number, limits: NonNullable<ReceiveOptions['limits']>) {
  const contentType = request.headers['content-type'];
  if (!contentType?.toLowerCase().startsWith('multipart/form-data')) {
    discardBody(request);
    throw failure('media_type_unsupported', { remedy: 'Send the files as multipart/form-data.' });
  }
  try {
    return new Busboy({
      headers: { ...request.headers, 'content-type': contentType },
      // folders in names are checked, not silently cut off
      preservePath: true,
      highWaterMark: bufferBytes,
      fileHwm: bufferBytes,
      limits: {
        fileSize: maxFileBytes,
        files: limits.files ?? 1000,
        fields: limits.fields ?? 100,
        fieldSize: limits.fieldBytes ?? 64 * 1024,
        headerPairs: 32,
        headerSize: 8 * 1024,
      },
    });
  } catch (cause) {
    discardBody(request);
    throw failure('upload_malformed', { cause });
  }
}
