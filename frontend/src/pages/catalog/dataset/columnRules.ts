import type { ColumnRule, ColumnType } from '@llm-ops/contracts';

/** A rule as the form holds it: numbers are undefined and texts empty where nothing is asked. */
export interface RuleForm {
  /** of the line in the form, so that it keeps its place while it is changed */
  key: number;
  name: string;
  type: ColumnType | 'any';
  required: boolean;
  nullable: boolean;
  unique: boolean;
  /** one a line */
  values: string;
  minimum: number | undefined;
  maximum: number | undefined;
  minLength: number | undefined;
  maxLength: number | undefined;
  pattern: string;
}

let nextKey = 0;
export const emptyRule = (name = ''): RuleForm => ({
  key: nextKey++,
  name,
  type: 'any',
  required: true,
  nullable: true,
  unique: false,
  values: '',
  minimum: undefined,
  maximum: undefined,
  minLength: undefined,
  maxLength: undefined,
  pattern: '',
});

export const ruleForm = (rule: ColumnRule): RuleForm => ({
  key: nextKey++,
  name: rule.name,
  type: rule.type ?? 'any',
  required: rule.required,
  nullable: rule.nullable,
  unique: rule.unique,
  values: rule.values?.join('\n') ?? '',
  minimum: rule.minimum,
  maximum: rule.maximum,
  minLength: rule.min_length,
  maxLength: rule.max_length,
  pattern: rule.pattern ?? '',
});

/** What the rules ask for, as the platform takes it; lines without a name are left out. */
export function rulesOf(forms: readonly RuleForm[]): ColumnRule[] {
  return forms
    .filter(({ name }) => name.trim() !== '')
    .map((form) => {
      const values = form.values.split('\n').filter((value) => value !== '');
      return {
        name: form.name.trim(),
        required: form.required,
        nullable: form.nullable,
        unique: form.unique,
        ...(form.type === 'any' ? {} : { type: form.type }),
        ...(values.length === 0 ? {} : { values }),
        ...(form.minimum === undefined ? {} : { minimum: form.minimum }),
        ...(form.maximum === undefined ? {} : { maximum: form.maximum }),
        ...(form.minLength === undefined ? {} : { min_length: form.minLength }),
        ...(form.maxLength === undefined ? {} : { max_length: form.maxLength }),
        ...(form.pattern === '' ? {} : { pattern: form.pattern }),
      };
    });
}
