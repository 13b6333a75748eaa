import type { Dataset, DatasetType } from '@llm-ops/contracts';
import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { parseObject } from '../json.ts';
import { ruleForm, type RuleForm, rulesOf } from './columnRules.ts';

/** Texts of a dataset's card that have fields of their own; other metadata is JSON beside them. */
export const cardTexts = ['description', 'intended_use', 'limitations', 'source', 'license', 'language'] as const;
export type CardText = (typeof cardTexts)[number];
/** a type may be left open */
export type TypeChoice = DatasetType | 'any';

export interface CardForm {
  type: TypeChoice;
  texts: Record<CardText, string>;
  /** JSON */
  metadata: string;
  changeLog: string;
  /** names, separated by commas */
  keyColumns: string;
  rules: RuleForm[];
  task: string;
}
export interface DatasetForm extends CardForm {
  name: string;
  version: string;
  ownerTeam: string;
  project: string;
  /** by default the team's until it is approved, then the organization's */
  visibility: 'default' | 'team' | 'organization';
}

export const emptyForm = (type: TypeChoice): DatasetForm => ({
  name: '',
  version: '1',
  ownerTeam: '',
  project: '',
  visibility: 'default',
  type,
  texts: { description: '', intended_use: '', limitations: '', source: '', license: '', language: '' },
  metadata: '',
  changeLog: '',
  keyColumns: '',
  rules: [],
  task: '',
});

const isCardText = (name: string, value: unknown) =>
  (cardTexts as readonly string[]).includes(name) && typeof value === 'string';

export function formOf(dataset: Dataset): CardForm {
  const { metadata } = dataset;
  const text = (name: CardText) => (typeof metadata[name] === 'string' ? metadata[name] : '');
  const rest = Object.fromEntries(Object.entries(metadata).filter(([name, value]) => !isCardText(name, value)));
  return {
    type: dataset.type ?? 'any',
    texts: Object.fromEntries(cardTexts.map((name) => [name, text(name)])) as CardForm['texts'],
    metadata: Object.keys(rest).length === 0 ? '' : JSON.stringify(rest, null, 2),
    changeLog: dataset.change_log ?? '',
    keyColumns: dataset.key_columns.join(', '),
    rules: dataset.column_rules.map(ruleForm),
    task: dataset.task ?? '',
  };
}

const namesOf = (text: string) => [
  ...new Set(
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
];
const orNull = (text: string) => text.trim() || null;

/** What the card's part of the form says; fields win over the JSON beside them, and empty ones are left out. */
export function cardOf(form: CardForm) {
  const parsed = parseObject(form.metadata);
  const texts = cardTexts.flatMap((name) => {
    const text = form.texts[name].trim();
    return text === '' ? [] : [[name, text] as const];
  });
  return {
    type: form.type === 'any' ? null : form.type,
    metadata: { ...(parsed.ok ? parsed.value : {}), ...Object.fromEntries(texts) },
    change_log: orNull(form.changeLog),
    key_columns: namesOf(form.keyColumns),
    column_rules: rulesOf(form.rules),
    task: form.type === 'benchmark' ? orNull(form.task) : null,
  };
}

type Payload = NonNullable<ArgumentsOf<Tables['createDataset']>['body']>;

/** The request of a filled form. */
export function payloadOf(form: DatasetForm): Payload {
  return {
    name: form.name.trim(),
    version: form.version.trim(),
    owner_team: form.ownerTeam.trim(),
    project: orNull(form.project),
    ...(form.visibility === 'default' ? {} : { visibility: form.visibility }),
    ...cardOf(form),
  };
}
