import { expect, it } from 'vitest';
import { entryOf, navigation } from './navigation.ts';

it('UI-1: each page belongs to one entry of the navigation, the nearest above it', () => {
  expect(entryOf('/')).toBe('/');
  expect(entryOf('/observability')).toBe('/observability');
  expect(entryOf('/observability/requests')).toBe('/observability/requests');
  expect(entryOf('/observability/requests/1')).toBe('/observability/requests');
  expect(entryOf('/serving/routes/1')).toBe('/serving/routes');
  expect(entryOf('/serving/routesx')).toBeUndefined();
  const addresses = navigation.flatMap(({ entries }) => entries.map(({ to }) => to));
  expect(addresses.map(entryOf)).toEqual(addresses);
});
