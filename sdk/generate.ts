// Writes src/routes.ts from the route tables: what a client needs of them at run time, without their schemas, so that the web's
// first load does not carry zod. `node sdk/generate.ts`
import { writeFile } from 'node:fs/promises';
import * as contracts from '@llm-ops/contracts';
import type { RouteTable } from '@llm-ops/contracts';

const tables: RouteTable[] = Object.entries(contracts)
  .filter(([name]) => name.endsWith('Routes'))
  .map(([, table]) => table as RouteTable);

/** The text of src/routes.ts for the tables as they are now. */
export function render(): string {
  const lines = tables
    .flatMap((table) => Object.entries(table))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { method, path, base, list, idempotent, answer }]) => {
      const flags = [
        base && `base: '${base}'`,
        answer === 'plain' && 'plain: true',
        list && 'list: true',
        idempotent && 'idempotent: true',
        answer === 'file' && 'file: true',
      ];
      const fields = [`method: '${method}'`, `path: '${path}'`, ...flags.filter(Boolean)];
      return `  ${name}: { ${fields.join(', ')} },`;
    });
  return `// Written by \`node sdk/generate.ts\` from the route tables of contracts/; do not edit.
import type { Operation, RouteFacts } from './types.ts';

export const routes: Record<Operation, RouteFacts> = {
${lines.join('\n')}
};
`;
}

if (import.meta.main) await writeFile(new URL('src/routes.ts', import.meta.url), render());
