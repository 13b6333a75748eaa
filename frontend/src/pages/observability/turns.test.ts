import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, loadArea, setLocale } from '../../i18n.ts';
import { readCaptured } from './capturedBody.ts';
import TurnBubble from './TurnBubble.vue';

const stubs = { UIcon: true, UBadge: { props: ['label'], template: '<span>{{ label }}</span>' }, UButton: true };
const show = (message: unknown) => {
  const [turn] = readCaptured({
    request: JSON.stringify({ messages: [message] }),
    response: null,
    redacted: 0,
    truncated: false,
  }).asked;
  return mount(TurnBubble, { props: { turn: turn! }, global: { plugins: [i18n], stubs } });
};
beforeAll(async () => {
  await loadArea('observability');
  await setLocale('en');
});

describe('FR-006d: a message of a captured conversation', () => {
  it('draws what is in it and loads nothing from elsewhere', () => {
    const bubble = show({
      role: 'user',
      content: [
        { type: 'text', text: '<img src=x onerror=alert(1)> ![x](https://evil.example/a.png)' },
        { type: 'image_url', image_url: { url: 'https://evil.example/b.png' } },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        { type: 'input_audio', input_audio: { data: 'A'.repeat(5000), format: 'wav' } },
      ],
    });
    expect(bubble.findAll('img').map((image) => image.attributes('src'))).toEqual([
      'data:image/png;base64,iVBORw0KGgo=',
    ]);
    expect(bubble.text()).toContain('An image elsewhere, not loaded: https://evil.example/b.png');
    expect(bubble.text()).toContain('<img src=x onerror=alert(1)>');
    expect(bubble.html().length).toBeLessThan(10_000);
    expect(bubble.attributes('aria-label')).toBe('User');
  });
  it('shows the arguments of a call as JSON, and that they are broken', () => {
    const call = (text: string) =>
      show({ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: text } }] });
    expect(call('{"a":1}').get('pre').text()).toBe('{\n  "a": 1\n}');
    expect(call('{"a":1').text()).toContain('broken arguments');
    expect(call('nonsense').text()).toContain('nonsense');
  });
  it('says so where there is nothing, and keeps an unknown role', () => {
    const bubble = show({ role: 'narrator', content: null });
    expect(bubble.text()).toContain('narrator');
    expect(bubble.text()).toContain('No content.');
  });
});
