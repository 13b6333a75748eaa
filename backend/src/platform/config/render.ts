import { defaultOf } from './defaults.ts';
import { options, type OptionName } from './schema.ts';

type Entry = [OptionName, (typeof options)[OptionName]];

function groups(): Map<string, Entry[]> {
  const result = new Map<string, Entry[]>();
  for (const entry of Object.entries(options) as Entry[]) {
    const list = result.get(entry[1].group);
    if (list === undefined) result.set(entry[1].group, [entry]);
    else list.push(entry);
  }
  return result;
}

/** The text of `env.example`: every option, commented out where the default serves. */
export function envExample(): string {
  const lines = [
    '# Copy to .env (or backend/.env). Every line is optional: what is empty or left out takes its default.',
    '# Generated from backend/src/platform/config/schema.ts by `npm run generate`.',
  ];
  for (const [group, entries] of groups()) {
    lines.push('', `# --- ${group} ---`);
    for (const [name, option] of entries) {
      const example = 'example' in option ? option.example : undefined;
      lines.push(`# ${option.description}`, `# ${name}=${defaultOf(name) ?? example ?? ''}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The text of `ENV_SETUP.md`: three worked examples and the table of every option. */
export function setupGuide(): string {
  const tables = [...groups()].map(([group, entries]) => {
    const rows = entries.map(([name, option]) => {
      const secret = 'secret' in option && option.secret === true ? ' (secret)' : '';
      return `| \`${name}\` | ${cell(defaultOf(name) ?? '')} | ${cell(option.description)}${secret} |`;
    });
    return [`### ${group}`, '', '| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  });
  return `${guide}\n${tables.join('\n\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const guide = `# Configuration

Options are read from the environment, then from \`.env\` in the working directory, then from \`backend/.env\`; the first that has a
name wins. Names are case-insensitive, an empty value counts as not set, booleans are \`true\` or \`false\` in lower case. A value that
cannot be right stops the start and says which option, what was given (never a secret) and how to write it. What is in force is shown
at \`/settings\`. This file and \`env.example\` are generated from one schema: \`npm run generate\`.

## Local

Nothing is needed: \`npm start\` keeps everything under \`.data/\` and listens on loopback.

\`\`\`sh
PORT=8000
USE_GPU=false
LOG_LEVEL=debug
\`\`\`

## Cluster (development)

\`\`\`sh
HOST=0.0.0.0
DATABASE_URL=postgresql://llmops:password@postgres:5432/llmops
OBJECT_STORE_ENDPOINT=s3:9000
OBJECT_STORE_ACCESS_KEY=access
OBJECT_STORE_SECRET_KEY=secret
OBJECT_STORE_SECURE=false
OBJECT_STORE_BUCKET=llm-ops
SECRETS_KEY=<openssl rand -base64 32>
IDENTITY_MODE=both
TRUSTED_PROXIES=10.0.0.0/8
OIDC_ISSUER=https://login.example.com
OIDC_CLIENT_ID=llm-ops
USE_GPU=false
\`\`\`

## Production

\`\`\`sh
HOST=0.0.0.0
PUBLIC_URL=https://llm-ops.example.com
DATABASE_URL=postgresql://llmops:password@postgres.internal:5432/llmops
OBJECT_STORE_ENDPOINT=s3.example.com
OBJECT_STORE_SECURE=true
OBJECT_STORE_BUCKET=llm-ops-prod
IDENTITY_MODE=oidc
OIDC_ISSUER=https://login.example.com
OIDC_CLIENT_ID=llm-ops
OIDC_GROUP_MAP={"ml-admins":{"team":"platform","roles":["admin"]}}
APPROVAL_FOUR_EYES=true
SECRETS_KEY=<from your secret manager>
AUDIT_KEY=<from your secret manager>
USE_GPU=true
SERVING_CPU_REQUEST=4
SERVING_CPU_LIMIT=8
SERVING_MEMORY_REQUEST=16Gi
SERVING_MEMORY_LIMIT=32Gi
\`\`\`

## Every option
`;
