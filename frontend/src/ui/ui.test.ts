import { diff, presentableDiff } from '@codemirror/merge';
import { describe, expect, it } from 'vitest';
import { ApiError } from '@llm-ops/sdk';
import { failureOf, issueOf } from './failure.ts';
import { formatBytes, formatClock, formatDuration, formatNumber, formatRelative, formatShare } from './format.ts';
import { lineDiff } from './lineDiff.ts';
import { renderMarkdown } from './markdown.ts';
import { sortRows } from './table.ts';

describe('UI-1: numbers and times as people read them', () => {
  it('bytes', () => {
    expect([0, 1023, 1536, 13_651_968, 10 * 1024 ** 3].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.5 KiB',
      '13.0 MiB',
      '10.0 GiB',
    ]);
  });
  it('shares, numbers and durations keep the digits that count, and their unit beside them', () => {
    const plain = (text: string) => text.replaceAll('\u00a0', ' ');
    expect([0, 0.0004, 0.0123, 0.5, 1].map((share) => plain(formatShare(share, 'en')))).toEqual([
      '0 %',
      '<0.1 %',
      '1.2 %',
      '50 %',
      '100 %',
    ]);
    expect([0, 0.0213, 3.14, 1234.5].map((value) => formatNumber(value, 'en'))).toEqual(['0', '0.021', '3.1', '1,235']);
    expect([0.42, 250, 1500, 90_000, 600_000].map((ms) => plain(formatDuration(ms, 'en')))).toEqual([
      '0.4 ms',
      '250 ms',
      '1.5 s',
      '90 s',
      '10 min',
    ]);
    expect(formatDuration(5, 'en')).toBe('5\u00a0ms');
  });
  it('a time of another day has its date', () => {
    const now = new Date(2026, 0, 2, 12).getTime();
    expect(formatClock(new Date(2026, 0, 2, 9, 5, 7).toISOString(), now, 'en')).toBe('09:05:07');
    expect(formatClock(new Date(2026, 0, 1, 23, 0, 0).toISOString(), now, 'en')).toBe('Jan 1, 23:00:00');
  });
  it('times in both languages', () => {
    const now = Date.parse('2026-01-02T00:00:00Z');
    expect(formatRelative('2026-01-01T23:57:00Z', now, 'en')).toBe('3 min. ago');
    expect(formatRelative('2026-01-01T00:00:00Z', now, 'ko')).toBe('어제');
  });
});

describe('FR-002: the visual diff', () => {
  it('pairs changed lines and marks what changed in them', () => {
    const lines = lineDiff('one\ntwo 100\nthree', 'one\ntwo 150\nthree\nfour', diff, presentableDiff);
    expect(lines.map((line) => [line.before?.number, line.after?.number, line.changed])).toEqual([
      [1, 1, false],
      [2, 2, true],
      [3, 3, false],
      [undefined, 4, true],
    ]);
    expect(lines[1]?.after?.pieces.some((piece) => piece.changed)).toBe(true);
  });
  it('keeps every line of both sides, whatever they are', () => {
    const texts = ['', 'a', 'a\nb\na\nb', '\n\n\n', 'b\na', 'x\ny\nz\nx\ny'];
    for (const before of texts) {
      for (const after of texts) {
        const lines = lineDiff(before, after, diff, presentableDiff);
        const side = (name: 'before' | 'after') =>
          lines
            .flatMap((line) => (line[name] ? [line[name].pieces.map((piece) => piece.text).join('')] : []))
            .join('\n');
        expect([side('before'), side('after')]).toEqual([before, after]);
      }
    }
  });
});

describe('UI-1: tables', () => {
  const columns = [{ key: 'v', label: 'v', value: (row: { v: string | null }) => row.v }];
  it('sorts versions by their numbers and leaves empty cells last', () => {
    const rows = ['v10', null, 'v2', 'v1'].map((v) => ({ v }));
    expect(sortRows(rows, columns, { key: 'v', descending: false }).map(({ v }) => v)).toEqual([
      'v1',
      'v2',
      'v10',
      null,
    ]);
    expect(sortRows(rows, columns, { key: 'v', descending: true }).map(({ v }) => v)).toEqual([
      'v10',
      'v2',
      'v1',
      null,
    ]);
  });
});

describe('reliability: markup in model cards', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '![x](https://evil.example/track.png)',
    '<a href="data:text/html,<script>1</script>">x</a>',
    '<svg><animate onbegin=alert(1)></svg>',
  ])('%s comes out harmless', (source) => {
    const host = document.createElement('div');
    host.innerHTML = renderMarkdown(source);
    expect(host.querySelector('script, img, svg, iframe, form, style')).toBeNull();
    for (const element of host.querySelectorAll('*')) {
      expect([...element.attributes].filter(({ name }) => name.startsWith('on'))).toEqual([]);
    }
    for (const link of host.querySelectorAll('a'))
      expect(link.getAttribute('href') ?? '').not.toMatch(/^(javascript|data):/i);
  });
  it('renders what is meant', () => {
    expect(renderMarkdown('A **small** model\n\n- one')).toContain('<strong>small</strong>');
    expect(renderMarkdown('[docs](https://example.com)')).toMatch(/rel="noopener noreferrer nofollow"/);
  });
});

describe('UI-1: errors show message, field and remedy', () => {
  const error = new ApiError(400, 'Not valid.', {
    code: 'validation_failed',
    errorId: 'e-1',
    issues: [{ path: 'metadata.description', message: 'Say what it is.' }],
    remedy: 'Correct the fields.',
  });
  it('takes them from the answer', () => {
    expect(failureOf(error, '?')).toMatchObject({
      message: 'Not valid.',
      errorId: 'e-1',
      remedy: 'Correct the fields.',
    });
    expect(issueOf(error, 'metadata.description')).toBe('Say what it is.');
    expect(issueOf(error, 'name')).toBeUndefined();
    const entry = new ApiError(400, 'Not valid.', { issues: [{ path: 'args.2', message: 'There is no such flag.' }] });
    expect(issueOf(entry, 'args')).toBe('There is no such flag.');
    expect(issueOf(entry, 'arg')).toBeUndefined();
  });
});
