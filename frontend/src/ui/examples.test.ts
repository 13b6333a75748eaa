import { expect, it } from 'vitest';
import { exampleOf, languages } from './examples.ts';

const origin = 'https://llm.example';

it('FR-006d: programs name the route, the base URL and read the key from their environment', () => {
  for (const language of languages) {
    const code = exampleOf(language, { origin, name: 'team/glossary', environment: 'dev' });
    expect(code).toContain(`${origin}/v1`);
    expect(code).toContain('team/glossary');
    expect(code).toContain('LLMOPS_API_KEY');
    expect(code).toMatch(/x-llmops-environment.*dev/);
  }
});
it('FR-006d: a key that was just made is written in, and nothing is pinned that need not be', () => {
  for (const language of languages) {
    const code = exampleOf(language, { origin, name: 'glossary', apiKey: 'llmops_abc' });
    expect(code).toContain('llmops_abc');
    expect(code).not.toMatch(/LLMOPS_API_KEY|x-llmops-environment|import os/);
  }
});
it('FR-006d: a name with a quote ends no text of the shell', () => {
  const code = exampleOf('curl', { origin, name: "it's", apiKey: 'k' });
  expect(code).toContain(String.raw`"model":"it'\''s"`);
  expect(code.split('\n')).toHaveLength(4);
});
