export const languages = ['curl', 'python', 'typescript'] as const;
export type Language = (typeof languages)[number];

interface Target {
  /** `https://host` */
  origin: string;
  /** name of the route */
  name: string;
  environment: string;
}

const question = 'What is a route?';

/** A program that asks the route a question, for each language. The key is read from the environment, never written down. */
export function exampleOf(language: Language, { origin, name, environment }: Target): string {
  const model = JSON.stringify(name);
  switch (language) {
    case 'curl':
      return `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer $LLMOPS_API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "x-llmops-environment: ${environment}" \\
  -d '${JSON.stringify({ model: name, messages: [{ role: 'user', content: question }] }).replaceAll("'", String.raw`'\''`)}'`;
    case 'python':
      return `import os
from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key=os.environ["LLMOPS_API_KEY"],
    default_headers={"x-llmops-environment": "${environment}"},
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
  apiKey: process.env.LLMOPS_API_KEY,
  defaultHeaders: { 'x-llmops-environment': '${environment}' },
});
const stream = await client.chat.completions.create({
  model: ${model},
  messages: [{ role: 'user', content: '${question}' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');`;
  }
}
