import { expect, it } from 'vitest';
import { headersOf } from './identity.ts';

it('header mode: names in any script travel as UTF-8 bytes', () => {
  const headers = headersOf({ userId: '김민수', roles: ['admin', 'viewer'], team: ' 검색팀 ' });
  const read = (value: string | undefined) =>
    new TextDecoder().decode(Uint8Array.from(value ?? '', (at) => at.charCodeAt(0)));
  expect(read(headers['x-user-id'])).toBe('김민수');
  expect(read(headers['x-user-team'])).toBe('검색팀');
  expect(headers['x-user-roles']).toBe('admin,viewer');
  expect(() => new Headers(headers)).not.toThrow();
});
it('header mode: no team means every team, so no header', () => {
  expect(headersOf({ userId: 'me', roles: ['admin'], team: ' ' })).not.toHaveProperty('x-user-team');
});
