import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, loadArea, setLocale } from '../../i18n.ts';
import { explainRoute, type RoutePlan, tiersOf } from './routePlan.ts';

const target = (endpointId: string, weight = 100, priority = 0, revision: number | null = null) => ({
  endpointId,
  weight,
  priority,
  revision,
  timeouts: null,
});
const plan = (facts: Partial<RoutePlan>): RoutePlan => ({
  enabled: true,
  targets: [target('A')],
  retry: { attempts: 0, on: ['connect', 'busy'] },
  cache: null,
  limits: null,
  capture: { content: false },
  ...facts,
});
const { t } = i18n.global;
const said = (facts: Partial<RoutePlan>, locale = 'en') =>
  explainRoute(plan(facts), {
    t: (key, values, many) => (many === undefined ? t(key, values) : t(key, values, many)),
    locale,
    nameOf: (id) => id,
  })
    .join(' ')
    .replaceAll('\u00a0', ' ');

beforeAll(async () => {
  await loadArea('serving');
  await setLocale('en');
});

describe('FR-006l: who gets what', () => {
  it('shares are of those of one priority, in the order they are tried', () => {
    const tiers = tiersOf([target('C', 5, 2), target('A', 80), target('B', 20)]);
    expect(tiers.map((tier) => tier.targets.map(({ target: { endpointId }, share }) => [endpointId, share]))).toEqual([
      [
        ['A', 0.8],
        ['B', 0.2],
      ],
      [['C', 1]],
    ]);
  });
  it('without a weight nobody is asked', () => {
    expect(tiersOf([target('A', 0), target('B', 0)])[0]?.targets.map(({ share }) => share)).toEqual([0, 0]);
    expect(said({ targets: [target('A', 0), target('B', 5), target('C', 0, 1)] })).toBe(
      'Everything goes to B. A and C get nothing: their weight is 0.',
    );
  });
});

describe('FR-006l: a route in words', () => {
  it('one target', () => {
    expect(said({})).toBe('Everything goes to A.');
  });
  it('shares, fallbacks and tries', () => {
    expect(
      said({
        targets: [target('A', 80), target('B', 20), target('C', 100, 1)],
        retry: { attempts: 2, on: ['connect', 'busy'] },
      }),
    ).toBe(
      '80 % go to A, 20 % to B. If both fail: C. Tried again up to 2 times before the first byte when the upstream cannot be reached or is busy.',
    );
  });
  it('without further tries one that fails leads on to the next priority', () => {
    expect(said({ targets: [target('A'), target('B'), target('C', 100, 1), target('D', 100, 1)] })).toBe(
      '50 % go to A, 50 % to B. If it fails: C or D.',
    );
  });
  it('revisions, cache, limits, time-outs and content', () => {
    expect(
      said({
        targets: [target('A', 2, 0, 3), target('A', 1, 0, 4)],
        retry: { attempts: 1, on: ['busy'] },
        timeouts: { firstTokenMs: 1500 },
        cache: { ttlSeconds: 60 },
        limits: { requestsPerMinute: 1, tokensPerMinute: 50_000 },
        capture: { content: true },
      }),
    ).toBe(
      '66.7 % go to A (revision 3), 33.3 % to A (revision 4). Tried again once before the first byte when the upstream is busy. ' +
        'Who has not begun to answer after 1.5 s counts as failed. The same request within 60 s is answered from the cache and costs nothing. ' +
        'At most 1 request and 50,000 tokens a minute; beyond that 429. What is asked and answered is kept in the request log.',
    );
  });
  it('what is switched off says only that', () => {
    expect(said({ enabled: false, cache: { ttlSeconds: 60 } })).toBe(
      'It is switched off: every request for this name is refused.',
    );
    expect(said({ targets: [] })).toBe('Nobody answers: it has no target.');
  });
  it('in Korean', async () => {
    await setLocale('ko');
    expect(
      said(
        {
          targets: [target('A', 80), target('B', 20), target('C', 100, 1)],
          retry: { attempts: 2, on: ['connect', 'busy'] },
        },
        'ko',
      ),
    ).toBe(
      'A에 80 %, B에 20 %가 갑니다. 둘 다 실패하면 C(으)로 갑니다. 업스트림 연결 실패 또는 과부하 시 첫 바이트 전까지 최대 2번 다시 시도합니다.',
    );
    await setLocale('en');
  });
});
