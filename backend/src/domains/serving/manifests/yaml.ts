import type * as Yaml from 'yaml';
import { onDemand } from '#platform/node';

const yaml = onDemand<typeof Yaml>('yaml');

/** A value of JSON as YAML, in the order of its fields, so that readers of YAML 1.1 take no text for anything else. Pure. */
export const yamlOf = (value: unknown): string =>
  yaml().stringify(value, {
    compat: 'yaml-1.1',
    lineWidth: 0,
    aliasDuplicateObjects: false,
    defaultStringType: 'PLAIN',
  });

/** Several documents in one file. */
export const yamlDocuments = (values: readonly unknown[]): string =>
  values.map((value) => `---\n${yamlOf(value)}`).join('');
