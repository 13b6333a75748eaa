import { failure } from '#platform/errors';
import type { Egress } from '#platform/egress';
import type { Logger } from '#platform/log';

/** What the built-in detectors cannot know, and what such findings are called here. */
const types: Record<string, string> = { PERSON: 'person', LOCATION: 'location', NRP: 'group' };
/** of one request; a language model of Presidio reads some 50 kB a second */
const maxTexts = 64;
const maxCharacters = 50_000;
const maxAnswerBytes = 32 * 1024 * 1024;

interface Entity {
  index: number;
  type: string;
  /** UTF-16 units */
  start: number;
  end: number;
  confidence: number;
}

/**
 * Names and places by a Presidio analyzer (`POST /analyze` with a list of texts). Throws `egress_unreachable`, `egress_timeout`,
 * `egress_refused`. Texts are in Korean where Hangul says so and the server knows Korean, else in English.
 */
export function createPresidio(deps: {
  egress: Pick<Egress, 'fetch'>;
  /** `http://presidio:3000` */
  url: string;
  log: Logger;
  /** of one request; 30 s when not given */
  timeoutMs?: number;
}): (texts: readonly string[]) => Promise<Entity[]> {
  const { egress, log, timeoutMs = 30_000 } = deps;
  const base = deps.url.replace(/\/+$/, '');
  let korean: Promise<boolean> | null = null;

  async function ask(path: string, body?: object): Promise<unknown> {
    const response = await egress.fetch(base + path, {
      timeoutMs,
      // the headers may come in time and the rest never
      signal: AbortSignal.timeout(timeoutMs),
      maxRedirects: 0,
      maxBytes: maxAnswerBytes,
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw failure('egress_unreachable', {
        message: `The Presidio server answered ${response.status}.`,
        remedy: 'Check PRESIDIO_URL, and that the server has a model for the language of the texts.',
      });
    }
    return response.json();
  }

  function knowsKorean(): Promise<boolean> {
    korean ??= ask('/supportedentities?language=ko').then(
      (answer) => Array.isArray(answer) && answer.length > 0,
      (error: unknown) => {
        log.info({ reason: (error as Error).message }, 'the Presidio server does not know Korean');
        return false;
      },
    );
    return korean;
  }

  async function analyze(texts: readonly string[], language: string): Promise<Omit<Entity, 'index'>[][]> {
    const answer = await ask('/analyze', { text: texts, language, entities: Object.keys(types) });
    if (!Array.isArray(answer) || answer.length !== texts.length) {
      throw failure('egress_unreachable', {
        message: 'The server at PRESIDIO_URL does not answer as a Presidio analyzer does.',
        remedy: 'Use an analyzer of 2.2.355 or newer, which takes lists of texts.',
      });
    }
    return answer.map((found, index) => entitiesOf(found, texts[index]!));
  }

  return async (texts) => {
    const found: Entity[] = [];
    for (const language of ['en', 'ko']) {
      const mine: number[] = [];
      for (const [index, text] of texts.entries()) {
        if (text.trim() === '') continue;
        const spoken = isKorean(text) && (await knowsKorean()) ? 'ko' : 'en';
        if (spoken === language) mine.push(index);
      }
      for (const batch of batches(mine, (index) => texts[index]!.length)) {
        const answers = await analyze(
          batch.map((index) => texts[index]!),
          language,
        );
        for (const [at, entities] of answers.entries())
          found.push(...entities.map((one) => ({ ...one, index: batch[at]! })));
      }
    }
    return found;
  };
}

/** At least a twentieth of the letters is Hangul. */
function isKorean(text: string): boolean {
  const hangul = text.match(/[가-힣]/g)?.length ?? 0;
  return hangul > 0 && hangul * 20 >= text.length;
}

function batches(indexes: readonly number[], lengthOf: (index: number) => number): number[][] {
  const made: number[][] = [];
  let characters = 0;
  for (const index of indexes) {
    const last = made.at(-1);
    const length = lengthOf(index);
    if (last === undefined || last.length >= maxTexts || characters + length > maxCharacters) {
      made.push([index]);
      characters = length;
    } else {
      last.push(index);
      characters += length;
    }
  }
  return made;
}

/** Presidio counts characters, JavaScript UTF-16 units. */
function entitiesOf(answer: unknown, text: string): Omit<Entity, 'index'>[] {
  if (!Array.isArray(answer)) return [];
  const units = unitsOf(text);
  return answer.flatMap((one: unknown): Omit<Entity, 'index'>[] => {
    const { entity_type: type, start, end, score } = (one ?? {}) as Record<string, unknown>;
    if (typeof type !== 'string' || !Object.hasOwn(types, type)) return [];
    if (typeof start !== 'number' || typeof end !== 'number' || typeof score !== 'number') return [];
    const [from, to] = [units(start), units(end)];
    if (from === undefined || to === undefined || from >= to) return [];
    return [{ type: types[type]!, start: from, end: to, confidence: Math.min(1, Math.max(0, score)) }];
  });
}

function unitsOf(text: string): (character: number) => number | undefined {
  if (!/[\ud800-\udbff]/.test(text)) return (at) => (at >= 0 && at <= text.length ? at : undefined);
  const places = [0];
  for (const character of text) places.push(places.at(-1)! + character.length);
  return (at) => places[at];
}
