import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hostilePaths } from '../../../../tests/corpora/paths.ts';
import { isFailure } from '../errors/index.ts';
import {
  chainOf,
  checkPath,
  formatMetadata,
  idOfPath,
  numberOf,
  parseChecksum,
  parseCreation,
  parseMetadata,
  partKey,
} from './rules.ts';

const id = '0198a7c4-2f00-7000-8000-000000000001';

describe('rules of uploads', () => {
  it('SEC: no string of the hostile corpus is a path', () => {
    for (const path of hostilePaths) assert.throws(() => checkPath(path), { code: 'object_key_invalid' }, path);
    assert.throws(() => checkPath('a/b/c/d'), { code: 'object_key_invalid' });
    for (const path of [
      'config.json',
      'onnx/model.onnx',
      'a/b/c',
      '.gitattributes',
      'model-00001-of-00002.safetensors',
    ]) {
      assert.equal(checkPath(path), path);
    }
  });

  it('FR-001a-upload: parts are taken in the order of their offsets, leftovers are not', () => {
    const part = (offset: number, size: number) => ({ key: partKey(id, offset), size });
    const parts = [part(0, 10), part(10, 5), part(15, 85), part(100, 1)];
    assert.deepEqual(chainOf(id, parts.toReversed(), 100), parts.slice(0, 3));
    assert.deepEqual(chainOf(id, [], 0), []);
    assert.equal(chainOf(id, parts, 99), null);
    assert.equal(chainOf(id, parts, 200), null);
    assert.equal(chainOf(id, [part(0, 10), part(11, 5)], 16), null);
    assert.equal(chainOf(id, [part(0, 0)], 16), null);
    assert.ok(partKey(id, 9) < partKey(id, 10) && partKey(id, 10) < partKey(id, Number.MAX_SAFE_INTEGER));
  });

  it('FR-001a-upload: any metadata survives its header', () => {
    const keys = fc.stringMatching(/^[a-z_]{1,20}$/);
    const values = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed());
    fc.assert(
      fc.property(fc.dictionary(keys, values, { noNullPrototype: true }), (metadata) => {
        assert.deepEqual(parseMetadata(formatMetadata(metadata)), metadata);
      }),
    );
  });

  it('SEC: no header crashes the parsers', () => {
    const anything = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z0-9 ,=+/-]{0,60}$/));
    const quietly = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        assert.ok(isFailure(error), String(error));
      }
    };
    fc.assert(
      fc.property(anything, anything, (one, two) => {
        quietly(() => parseMetadata(one));
        quietly(() => parseChecksum(one));
        quietly(() => idOfPath(one, '/uploads'));
        quietly(() => parseCreation({ 'upload-metadata': one, 'upload-length': two }, 1000));
      }),
      { numRuns: 10_000 },
    );
  });

  it('FR-001a-upload: every wrong field of a creation is reported at once', () => {
    assert.throws(
      () => parseCreation({}, 1000),
      (error: unknown) => {
        assert.ok(isFailure(error, 'validation_failed'));
        assert.deepEqual(
          error.issues?.map(({ path }) => path),
          ['Upload-Length', 'Upload-Metadata.subject_kind', 'Upload-Metadata.subject_id', 'Upload-Metadata.path'],
        );
        return true;
      },
    );
    const metadata = formatMetadata({ subject_kind: 'model', subject_id: id, filename: 'config.json' });
    const headers = { 'upload-metadata': metadata, 'upload-length': '1001' };
    assert.throws(() => parseCreation(headers, 1000), { code: 'object_too_large' });
    assert.equal(parseCreation(headers, 1001).path, 'config.json');
    assert.throws(() => parseCreation({ ...headers, 'upload-defer-length': '1' }, 2000), { code: 'validation_failed' });
  });

  it('FR-001a-upload: numbers are digits, ids are UUIDs', () => {
    assert.equal(numberOf('10'), 10);
    for (const bad of ['', '-1', '1e3', '1.5', ' 1', '0x1', '9'.repeat(17), undefined, ['1']])
      assert.equal(numberOf(bad), undefined);
    assert.equal(idOfPath('/u', '/u'), null);
    assert.equal(idOfPath('/u/?x=1', '/u'), null);
    assert.equal(idOfPath(`/u/${id}`, '/u'), id);
    for (const bad of [`/u/${id}/x`, `/u/${id.toUpperCase().replace('C', 'c')}x`, '/u/../x', '/v', `/u/%2e/${id}`]) {
      assert.equal(idOfPath(bad, '/u'), undefined);
    }
  });
});
