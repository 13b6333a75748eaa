import type {
  Dataset,
  DatasetFileFacts,
  DatasetJob,
  DatasetValidation,
  Finding,
  QualityScore,
} from '@llm-ops/contracts';
import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createMemoryHistory, createRouter } from 'vue-router';
import { i18n, loadArea, setLocale } from '../../../i18n.ts';
import said from '../../../locales/ko/said.json' with { type: 'json' };
import FileFacts from './FileFacts.vue';
import GatesBox from './GatesBox.vue';
import JobProgress from './JobProgress.vue';
import PiiPanel from './PiiPanel.vue';
import { qualityTone, scoreText } from './quality.ts';
import QualityBadge from './QualityBadge.vue';
import RecommendationList from './RecommendationList.vue';
import ScorePanel from './ScorePanel.vue';
import { formOfOptions, optionsOf, piiTypesOf } from './validationForm.ts';
import { builtInPiiTypes } from './vocabulary.ts';
import { judgementOf } from './triage.ts';
import ValidationProgress from './ValidationProgress.vue';

vi.mock('../../../ui/useNotice.ts', () => ({ useNotice: () => ({}) }));
const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)*', component: {} }] });
const stubs = {
  UIcon: true,
  UProgress: true,
  UBadge: { props: ['label', 'color'], template: '<span :data-color="color">{{ label }}<slot /></span>' },
  UButton: {
    props: ['label', 'to'],
    template:
      '<a v-if="to" :href="$router.resolve(to).href">{{ label }}</a><button v-else type="button">{{ label }}</button>',
  },
};
const global = { plugins: [i18n, router], stubs };
beforeAll(async () => {
  await Promise.all([loadArea('catalog'), loadArea('datasets')]);
  await setLocale('en');
  await router.push('/catalog/datasets/1');
});

describe('FR-003d: quality by colour', () => {
  it.each([
    [95, undefined, 'success'],
    [89.9, undefined, 'warning'],
    [70, undefined, 'warning'],
    [69.99, undefined, 'error'],
    [80, 85, 'error'],
    [96, 95, 'success'],
  ] as const)('%d with threshold %s: %s', (score, threshold, tone) => {
    expect(qualityTone(score, threshold)).toBe(tone);
  });
  it('is never rounded up to what would pass', () => {
    expect([69.99, 99.96, 100, 0].map((score) => scoreText(score, 'en'))).toEqual(['69', '99.9', '100', '0']);
    const badge = mount(QualityBadge, { props: { score: 69.99 }, global });
    expect(badge.get('[data-color]').attributes('data-color')).toBe('error');
    expect(mount(QualityBadge, { props: { score: null }, global }).text()).toBe('not scored');
  });
});

const quality: QualityScore = {
  overall: 62.5,
  breakdown: { missing_values: 100, duplicates: 25, distribution: 60, schema_compliance: 65, format: 62.5 },
  weights: { missing_values: 40, duplicates: 40, distribution: 0, schema_compliance: 0, format: 20 },
  threshold: 70,
  formula: 'overall = (40 × 100 + …) / 100 = 62.5\nduplicates = 100 × (1 − 3/4) = 25',
};

describe('FR-003c: the score with its parts', () => {
  it('shows the number, what is needed, five parts with their weights, and how it was worked out', () => {
    const panel = mount(ScorePanel, { props: { quality }, global });
    expect(panel.get('[role=img]').attributes('aria-label')).toBe('Quality score 62 of 100; 70 is needed');
    expect(panel.text()).toContain('70 or more is needed: too low');
    const parts = panel.findAll('[aria-label="Parts of the score"] li').map((part) => part.text());
    expect(parts).toHaveLength(5);
    expect(parts[1]).toMatch(/Duplicates\s*counts 40 %\s*25$/);
    expect(panel.text()).toContain('duplicates = 100 × (1 − 3/4) = 25');
    expect(panel.html()).not.toContain('NaN');
  });
  it('weights that are all nothing count alike', () => {
    const weights = { missing_values: 0, duplicates: 0, distribution: 0, schema_compliance: 0, format: 0 };
    const panel = mount(ScorePanel, { props: { quality: { ...quality, weights } }, global });
    expect(panel.text().match(/counts 20 %/g)).toHaveLength(5);
  });
});

describe('FR-003c: a validation that is under way', () => {
  it('says its stage among all of them and how much is done', () => {
    const validation = { status: 'running', stage: 'duplicates', progress: 0.426 } as DatasetValidation;
    const progress = mount(ValidationProgress, { props: { validation }, global });
    expect(progress.get('[role=status]').text()).toBe('Duplicates42 %');
    expect(progress.get('[aria-current=step]').text()).toBe('Duplicates');
    expect(progress.findAll('li')).toHaveLength(8);
  });
});

describe('FR-003c: personal data', () => {
  const scan: DatasetValidation['pii_scan'] = {
    status: 'failed',
    detected_types: [
      { type: 'kr_rrn', count: 2, open: 2 },
      { type: 'custom:staff_number', count: 1200, open: 0 },
      { type: 'something_new', count: 1, open: 1 },
    ],
    locations: [],
    recommendations: [],
    ner: 'unreachable',
  };
  it('is listed by type with what is still open; each leads to its findings', () => {
    const panel = mount(PiiPanel, { props: { scan, redactable: true }, global });
    const lines = panel.findAll('li').map((line) => line.text().replaceAll(/\s+/g, ' '));
    expect(lines).toEqual([
      'Korean resident number2 · 2 open',
      'Rule staff_number1,200 · 0 open',
      'something new1 · 1 open',
    ]);
    expect(panel.get('a').attributes('href')).toBe('/catalog/datasets/1?tab=findings&kind=pii&type=kr_rrn');
    expect(panel.text()).toContain('The Presidio server did not answer');
    expect(panel.get('button').text()).toBe('Redact…');
  });
  it('offers no redaction to who may not, and says that nothing was found', () => {
    const clean = { ...scan, status: 'clean' as const, detected_types: [], ner: 'off' as const };
    const panel = mount(PiiPanel, { props: { scan: clean, redactable: false }, global });
    expect(panel.text()).toContain('Nothing was found.');
    expect(panel.find('button').exists()).toBe(false);
  });
});

describe('FR-003c: recommendations', () => {
  it('lead to the findings that they are about', () => {
    const recommendations = [
      {
        severity: 'error',
        message: 'Two e-mail addresses.',
        action: 'Redact them.',
        kind: 'pii',
        type: 'email',
        count: 2,
      },
      { severity: 'info', message: 'Few rows.', action: 'Add some.', kind: null, type: null, count: null },
    ] as const;
    const list = mount(RecommendationList, { props: { recommendations, redactable: true }, global });
    const [first, second] = list.findAll('li');
    expect(first?.get('a').attributes('href')).toBe('/catalog/datasets/1?tab=findings&kind=pii&type=email');
    expect(first?.get('button').text()).toBe('Redact');
    expect(second?.find('a, button').exists()).toBe(false);
  });
});

describe('FR-003c: gates', () => {
  const dataset = (gates: Dataset['gates'], of: Partial<Dataset> = {}) =>
    ({ gates, pii_scan_status: 'failed', quality_score: 60, ...of }) as Dataset;
  const gate = (name: Dataset['gates'][number]['gate'], passed: boolean) => ({
    gate: name,
    passed,
    message: `${name} ${passed ? 'is well' : 'is not well'}.`,
    remedy: passed ? null : 'Mend it.',
  });
  it('say what blocks the approval, what to do, and where', () => {
    const gates = [gate('metadata', true), gate('pii', false), gate('quality', false), gate('diff', false)];
    const box = mount(GatesBox, { props: { dataset: dataset(gates) }, global });
    expect(box.text()).toContain('1 of 4 passed');
    expect(box.text()).toContain('pii is not well.');
    expect(box.text().match(/Mend it\./g)).toHaveLength(3);
    expect(box.findAll('a').map((way) => [way.text(), way.attributes('href')])).toEqual([
      ['Judge findings', '/catalog/datasets/1?tab=findings&kind=pii&triage=open'],
      ['See why', '/catalog/datasets/1?tab=validation'],
      ['Validation', '/catalog/datasets/1?tab=validation'],
    ]);
  });
  it('before a validation there are no findings to judge', () => {
    const gates = [gate('pii', false), gate('quality', false)];
    const pending = dataset(gates, { pii_scan_status: 'pending', quality_score: null });
    const box = mount(GatesBox, { props: { dataset: pending }, global });
    expect(box.findAll('a').map((way) => way.text())).toEqual(['Validation', 'Validation']);
  });
});

describe('FR-003c: options of a validation', () => {
  const rule = (name: string, team: string | null, enabled = true) => ({ name, team, enabled });
  const types = piiTypesOf(
    [rule('staff', null), rule('badge', 'platform'), rule('other', 'sales'), rule('old', null, false)],
    'platform',
  );
  it('kinds are the built-in ones and the rules that hold for the team', () => {
    expect(types).toEqual([...builtInPiiTypes, 'custom:staff', 'custom:badge']);
  });
  it('what is left open is left out', () => {
    expect(optionsOf(formOfOptions(null, types), types)).toEqual({ near_duplicate_threshold: 0.8 });
  });
  it('kinds, benchmarks and weights are sent as they were chosen, and come back as they were sent', () => {
    const form = formOfOptions(null, types);
    form.without = types.filter((type) => type !== 'iban' && type !== 'custom:badge');
    form.contamination = 'none';
    form.weights.format = 3;
    const sent = optionsOf(form, types);
    expect(sent.pii_types).toEqual(['iban', 'custom:badge']);
    expect(sent.benchmark_ids).toEqual([]);
    expect(sent.weights).toMatchObject({ format: 3, duplicates: 0 });
    const again = formOfOptions({ near_duplicate_threshold: 0.8, ...sent }, types);
    expect(again.without).toEqual(form.without);
    expect(again.weights.format).toBe(3);
    const chosen = formOfOptions({ near_duplicate_threshold: 0.8, benchmark_ids: ['b'] }, types);
    expect(optionsOf(chosen, types).benchmark_ids).toEqual(['b']);
  });
});

describe('FR-003c: judgements', () => {
  it('the same content is judged once, for every place', () => {
    const finding = (fingerprint: string) => ({ fingerprint }) as Finding;
    expect(judgementOf([finding('a'), finding('b'), finding('a')], 'accepted')).toEqual({
      triage: 'accepted',
      about: { fingerprints: ['a', 'b'], rows: 3 },
    });
  });
});

describe('UI-1: what the platform says of a dataset is read in the language in use', () => {
  it('every kind of finding has a name', () => {
    const types = [said.faults, said.rules, said.texts, said.pii].flatMap((table) => Object.keys(table));
    const texts = ['control_characters', 'template_marker', 'html'].map((fault) => `text_${fault}`);
    const { te } = i18n.global;
    expect([...types, ...texts].filter((type) => !te(`datasets.findingType.${type}`))).toEqual([]);
  });
  it('why work failed, and what is to be known of a file', async () => {
    await setLocale('ko');
    const job: DatasetJob = {
      id: '1',
      dataset_id: '1',
      kind: 'redaction',
      status: 'failed',
      progress: 0.4,
      detail: {},
      error: 'There is no room left on the disk of the server. Free some space.',
      said: {
        error: {
          code: 'work.whole.error',
          values: {
            error: { text: 'There is no room left on the disk of the server.', code: 'error.disk_full.message' },
            remedy: { text: 'Free some space.', code: 'error.disk_full.remedy' },
          },
        },
      },
      created_at: '2026-01-01T00:00:00Z',
      finished_at: null,
    };
    const told = mount(JobProgress, { props: { job, writable: false }, global })
      .get('[role=alert]')
      .text();
    expect(told).toBe(`${said.error.disk_full.message} ${said.error.disk_full.remedy}`);
    const facts: DatasetFileFacts = {
      format: 'jsonl',
      encoding: 'utf-8',
      bom: false,
      compression: null,
      dialect: null,
      rows: 3,
      bad_rows: 0,
      columns: [],
      notes: ['2 blank lines left out.', 'A note of before.'],
      said: { 'notes.0': { code: 'note.blank_lines.text', values: { lines: 2 } } },
    };
    const notes = mount(FileFacts, { props: { facts }, global }).findAll('.block');
    expect(notes.map((note) => note.text())).toEqual(['빈 줄 2개를 제외했습니다.', 'A note of before.']);
    await setLocale('en');
  });
});
