import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

/** Rooms in which all that is made is made for one request. */
const rooms = ['domains/inference/{exchange,request,routing}', 'platform/wire', 'platform/http/lane'];
const accessor = /^\s+(?:get|set) [\w$]+\(.*\{$/;

test('FR-006l: what is made for each inference request has no accessors: with one, an object literal is a hidden class of its own, and a request costs twice as much', () => {
  const files = globSync(rooms.map((room) => `backend/src/${room}/**/*.ts`)).filter((file) => !file.includes('.test.'));
  assert.ok(files.length > 20, `only ${files.length} files were found`);
  const found = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, at) => (accessor.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(found, []);
});
