import type { ModelType } from '@llm-ops/contracts';
import { failure, fieldWords, type Issue } from '#platform/errors';
import { words } from './refusals.ts';
import { cardWords } from './sentences.ts';

const maxBytes = 256 * 1024;
const maxDepth = 16;
/** of the key of an external provider, however it is written */
const keyName = /^api[_-]?key$/i;

type Json = Record<string, unknown>;

export interface Written {
  /** without the key of the provider */
  metadata: Json;
  /** undefined: none was given, so a stored one stays */
  apiKey: string | undefined;
}

/**
 * A card as a person sent it: the key of the provider apart from the rest, everything else checked, every wrong field reported in one
 * `validation_failed`.
 */
export function readCard(type: ModelType, sent: Json): Written {
  const issues: Issue[] = [];
  const metadata: Json = {};
  let apiKey: string | undefined;
  for (const [name, value] of Object.entries(sent)) {
    if (!keyName.test(name)) metadata[name] = value;
    else if (type !== 'external') issues.push({ path: `metadata.${name}`, ...words.tell('key_external') });
    else if (value === null || value === '') continue;
    else if (typeof value !== 'string' || !/^[\x21-\x7e]{1,4096}$/.test(value)) {
      issues.push({ path: `metadata.${name}`, ...words.tell('key_form') });
    } else apiKey = value;
  }
  checkJson(metadata, 'metadata', 0, issues);
  if (issues.length === 0 && Buffer.byteLength(JSON.stringify(metadata)) > maxBytes) {
    issues.push({ path: 'metadata', ...words.tell('too_large') });
  }
  if (type === 'external') checkProvider(metadata, issues);
  for (const field of ['description', 'huggingface_model_id']) {
    if (!['string', 'undefined'].includes(typeof (metadata[field] ?? undefined)))
      issues.push({ path: `metadata.${field}`, ...words.tell('no_text') });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
  return { metadata, apiKey };
}

/** Of an external model: where its key may go. Another place needs the key again. */
export function placeOfKey(metadata: Json): string {
  const { provider, base_url: base, endpoint } = metadata;
  const url = provider === 'ollama' ? endpoint : (base ?? 'https://api.openai.com');
  return `${String(provider)} ${typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : ''}`;
}

function checkProvider(metadata: Json, issues: Issue[]): void {
  const { provider, model_name: modelName } = metadata;
  if (provider !== 'openai' && provider !== 'ollama') {
    issues.push({ path: 'metadata.provider', ...cardWords.tell('provider') });
  }
  if (typeof modelName !== 'string' || modelName.trim() === '' || modelName.length > 200) {
    issues.push({ path: 'metadata.model_name', ...cardWords.tell('model_name') });
  }
  const address = provider === 'ollama' ? 'endpoint' : 'base_url';
  const value = metadata[address];
  if (value === undefined || value === null || value === '') {
    if (provider === 'ollama') issues.push({ path: 'metadata.endpoint', ...cardWords.tell('endpoint') });
  } else if (!isAddress(value)) {
    issues.push({ path: `metadata.${address}`, ...words.tell('address') });
  }
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 2000 || !URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  );
}

/** What PostgreSQL cannot keep, what is too deep, and keys hidden further down. */
function checkJson(value: unknown, path: string, depth: number, issues: Issue[]): void {
  if (issues.length > 50) return;
  if (depth > maxDepth)
    return void issues.push({
      path: path.slice(0, 200),
      ...words.tell('too_deep', { most: maxDepth }),
    });
  if (typeof value === 'string') {
    if (!isPlain(value)) issues.push({ path: path.slice(0, 200), ...fieldWords.tell('broken_text') });
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
      if (!isPlain(name)) issues.push({ path: path.slice(0, 200), ...fieldWords.tell('broken_name') });
      else if (!Array.isArray(value) && keyName.test(name))
        issues.push({ path: at.slice(0, 200), ...words.tell('key_place') });
      else checkJson(item, at, depth + 1, issues);
    }
  }
}

const isPlain = (text: string) => !text.includes('\0') && text.isWellFormed();
