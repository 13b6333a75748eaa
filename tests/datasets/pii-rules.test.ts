import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pairs, validated } from './people.ts';
import { openWorld, register, type Json, type World } from './world.ts';

let world: World;
let dan: World['ada'];
before(async () => {
  world = await openWorld();
  dan = world.as('dan', 'data-engineer', 'nlp');
});
after(() => world.close());

const badge = { name: 'badge', team: 'nlp', pattern: 'BADGE-[0-9]{6}', context: ['badge'] };
const add = (who: World['ada'], body: Json) => who.call('POST', '/catalog/pii-rules', body);
const code = ({ status, data }: { status: number; data: Json }) => `${status} ${data.code ?? 'ok'}`;

describe('rules for personal data', () => {
  it('FR-003c: a team adds, lists and removes rules of its own, which others do not see', async () => {
    const made = await add(dan, badge);
    assert.equal(made.status, 200, JSON.stringify(made.data));
    assert.deepEqual(
      [made.data.name, made.data.team, made.data.confidence, made.data.enabled, made.data.created_by],
      ['badge', 'nlp', 0.8, true, 'dan'],
    );
    assert.equal(code(await add(dan, badge)), '409 pii_rule_exists');
    const visitor = world.as('vera', 'data-engineer', 'vision');
    assert.equal(code(await add(visitor, badge)), '403 permission_denied');
    assert.equal(code(await add(visitor, { ...badge, team: 'vision' })), '200 ok', 'names are a team’s own');
    assert.deepEqual(
      (await world.ada.ask('GET', '/catalog/pii-rules')).map(({ team }: Json) => team),
      ['nlp'],
    );
    assert.equal((await world.root.ask('GET', '/catalog/pii-rules')).length, 2);
    const path = `/catalog/pii-rules/${made.data.id}`;
    assert.equal(code(await visitor.call('DELETE', path)), '404 pii_rule_not_found');
    assert.equal(code(await world.ada.call('DELETE', path)), '403 permission_denied');
    assert.deepEqual((await dan.call('DELETE', path)).data, { id: made.data.id });
    assert.equal(code(await dan.call('DELETE', path)), '404 pii_rule_not_found');
    const [entry] = await world.audits('pii-rule.create', made.data.id);
    assert.equal(entry.detail.pattern, badge.pattern);
  });

  it('FR-003c: a rule for every team is for those who run the platform', async () => {
    const everybody = { ...badge, name: 'everybody', team: null };
    const refused = await add(dan, everybody);
    assert.equal(code(refused), '403 permission_denied');
    assert.match(refused.data.remedy, /team/);
    assert.equal(code(await add(world.root, everybody)), '200 ok');
    const visitor = world.as('vera', 'data-engineer', 'vision');
    const seen = (await visitor.ask('GET', '/catalog/pii-rules')).find(({ name }: Json) => name === 'everybody');
    assert.equal(code(await visitor.call('DELETE', `/catalog/pii-rules/${seen.id}`)), '403 permission_denied');
  });

  it('FR-003c: a confidence next to nothing is none', async () => {
    const made = await add(dan, { ...badge, name: 'faint', confidence: 2.225073858507203e-309 });
    assert.deepEqual([made.status, made.data.confidence], [200, 0], JSON.stringify(made.data));
    assert.equal((await dan.call('DELETE', `/catalog/pii-rules/${made.data.id}`)).status, 200);
  });

  it('FR-003c: a pattern that the engine does not take, or that matches nothing at all, is refused with the reason', async () => {
    for (const pattern of ['(?=x)', '(a)\\1', '[', 'a*', '(?<!a)b']) {
      const { status, data, message } = await add(dan, { ...badge, name: 'wrong', pattern });
      assert.equal(`${status} ${data.code}`, '400 pii_rule_invalid', pattern);
      assert.ok(message.length > 10 && /RE2/.test(data.remedy));
      const tried = await world.ada.call('POST', '/catalog/pii-rules/test', { text: 'x', pattern });
      assert.equal(code(tried), '400 pii_rule_invalid', pattern);
    }
    assert.equal(code(await add(dan, { ...badge, name: 'No Good' })), '400 validation_failed');
  });

  it('FR-003c: detectors and a pattern are tried on a text; nothing of it is kept', async () => {
    const text = 'Badge BADGE-123456 of kim.canary@example.com, card 4111 1111 1111 1111';
    const found = await world.ada.ask('POST', '/catalog/pii-rules/test', { text, pattern: 'BADGE-[0-9]{6}' });
    assert.deepEqual(found.map(({ type, start, end }: Json) => [type, text.slice(start, end)]).sort(), [
      ['credit_card', '4111 1111 1111 1111'],
      ['custom:test', 'BADGE-123456'],
      ['email', 'kim.canary@example.com'],
    ]);
    assert.doesNotMatch(JSON.stringify(found), /canary|123456/);
    assert.ok(!world.logged.some((line) => line.includes('canary')));
  });

  it('FR-003c: a rule holds from the next validation on, for its team alone', async () => {
    await add(dan, badge);
    const rows = pairs(20, (row) => (row === 5 ? 'badge BADGE-654321' : null));
    const dataset = await register(world.ada, { type: 'sft_pair' });
    await world.ada.upload(dataset.id, { 'rows.jsonl': rows });
    const done = await validated(world.ada, dataset.id);
    assert.deepEqual(
      done.pii_scan.detected_types.map(({ type, count }: Json) => [type, count]),
      [['custom:badge', 1]],
    );
    const vic = world.as('vic', 'researcher', 'sales');
    const other = await register(vic, { type: 'sft_pair', owner_team: 'sales' });
    await vic.upload(other.id, { 'rows.jsonl': rows });
    // the rule for every team finds it there
    assert.deepEqual(
      (await validated(vic, other.id)).pii_scan.detected_types.map(({ type }: Json) => type),
      ['custom:everybody'],
    );
  });
});
