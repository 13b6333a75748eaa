export const languages = ['curl', 'python', 'typescript'] as const;
export type Language = (typeof languages)[number];
export const languageNames: Record<Language, string> = { curl: 'curl', python: 'Python', typescript: 'TypeScript' };

export interface Target {
  /** `https://host` */
  origin: string;
  /** name of the route */
  name: string;
  /** pins the request to it; without it the platform looks over the environments */
  environment?: string;
  /** written into the program; without it the program reads it from its environment */
  apiKey?: string;
}

const question = 'What is a route?';

const shellText = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A program that asks the route a question, for each language. */
export function exampleOf(language: Language, { origin, name, environment, apiKey }: Target): string {
  const model = JSON.stringify(name);
  const pinned = environment === undefined ? null : JSON.stringify(environment);
  switch (language) {
    case 'curl': {
      const body = JSON.stringify({ model: name, messages: [{ role: 'user', content: question }] });
      return [
        `curl ${origin}/v1/chat/completions`,
        `-H "Authorization: Bearer ${apiKey ?? '$LLMOPS_API_KEY'}"`,
        '-H "Content-Type: application/json"',
        ...(environment === undefined ? [] : [`-H "x-llmops-environment: ${environment}"`]),
        `-d ${shellText(body)}`,
      ].join(' \\\n  ');
    }
    case 'python':
      return `${apiKey === undefined ? 'import os\n' : ''}from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key=${apiKey === undefined ? 'os.environ["LLMOPS_API_KEY"]' : JSON.stringify(apiKey)},${pinned === null ? '' : `\n    default_headers={"x-llmops-environment": ${pinned}},`}
)
answer = client.chat.completions.create(
    model=${model},
    messages=[{"role": "user", "content": "${question}"}],
)
print(answer.choices[0].message.content)`;
    case 'typescript':
      return `import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: '${origin}/v1',
  apiKey: ${apiKey === undefined ? 'process.env.LLMOPS_API_KEY' : `'${apiKey}'`},${environment === undefined ? '' : `\n  defaultHeaders: { 'x-llmops-environment': '${environment}' },`}
});
const stream = await client.chat.completions.create({
  model: ${model},
  messages: [{ role: 'user', content: '${question}' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');`;
  }
}
