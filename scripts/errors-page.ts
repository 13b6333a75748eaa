import { catalogue } from '../backend/src/platform/errors/catalogue.ts';

type Entry = [code: string, entry: { status: number; message: string; remedy: string }];

const head = `# Errors

Generated from \`backend/src/platform/errors/catalogue.ts\` by \`npm run generate\`.

A refusal is \`{"status": "fail", "message", "data": {"code", "errorId", "issues"?, "remedy"}}\`. The code is stable and never reused for
another meaning; a message may be more exact than the one here. \`errorId\` finds the entry in the log. Under \`/v1\` the same codes come
in OpenAI's form, \`{"error": {"message", "type", "param", "code"}}\`. Codes of commands and of the start have a status too, which nobody
sees: their message and remedy are printed.
`;

const chapters: [string, string, (status: number) => boolean][] = [
  ['What the caller can put right', 'Statuses 4xx; logged at level info as `client_error`.', (status) => status < 500],
  [
    'What an operator looks at',
    'Statuses 5xx; logged at level error as `server_error`, with the stack.',
    (status) => status >= 500,
  ],
];

/** The text of docs/errors.md: every code with an anchor of its own. */
export function errorsPage(): string {
  const entries: Entry[] = Object.entries(catalogue).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts = chapters.map(([title, about, holds]) => {
    const rows = entries.filter(([, { status }]) => holds(status)).map(row);
    return [
      `## ${title}`,
      '',
      about,
      '',
      '| code | status | what happened | what to do |',
      '| --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
  });
  return `${head}\n${parts.join('\n\n')}\n`;
}

function row([code, { status, message, remedy }]: Entry): string {
  return `| <a id="${code}"></a>\`${code}\` | ${status} | ${cell(message)} | ${cell(remedy)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
