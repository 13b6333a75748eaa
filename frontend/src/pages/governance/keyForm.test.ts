import { expect, it } from 'vitest';
import { keyFormOf, keyPatchOf, scopeOf } from './keyForm.ts';
import type { ApiKey } from './vocabulary.ts';

const key: ApiKey = {
  id: '01',
  name: 'bot',
  prefix: 'lo_abc',
  team: 'nlp',
  project: null,
  roles: ['developer'],
  routes: ['support', 'search'],
  environments: ['dev'],
  limits: { requestsPerMinute: 60 },
  expiresAt: '2030-05-04T10:00:00.000Z',
  lastUsedAt: null,
  revokedAt: null,
  createdBy: 'dana',
  createdAt: '2026-01-01T00:00:00.000Z',
};

it('FR-006d, UI-1: a key is changed only in what was typed; its hour stays with its day', () => {
  const form = keyFormOf(key);
  expect(form.routes).toBe('support, search');
  expect(keyPatchOf(key, form)).toEqual({});
  expect(keyPatchOf(key, { ...form, requestsPerMinute: 120, tokensPerMinute: 5000 })).toEqual({
    limits: { requestsPerMinute: 120, tokensPerMinute: 5000 },
  });
  expect(keyPatchOf(key, { ...form, routes: ' support ,', environments: [], requestsPerMinute: null })).toEqual({
    routes: ['support'],
    environments: null,
    limits: null,
  });
  expect(keyPatchOf(key, { ...form, expiresAt: '' })).toEqual({ expiresAt: null });
});
it('FR-006d, UI-1: an empty form holds nothing back', () => {
  expect(scopeOf({ ...keyFormOf(null), name: ' bot ' })).toEqual({
    name: 'bot',
    routes: null,
    environments: null,
    limits: null,
    expiresAt: null,
  });
});
