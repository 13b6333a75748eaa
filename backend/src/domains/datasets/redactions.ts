import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Dataset, DatasetFormat, DatasetJob, datasetRoutes, RedactionMethod } from '@llm-ops/contracts';
import type { Context } from '#platform/http';
import { answersOf } from './ask.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Progress, RedactInput, RedactOutput } from './engine/tasks.ts';
import type { Ingest } from './ingest.ts';
import type { Records } from './records.ts';
import { detailOf, sourceOf } from './restores.ts';
import type { DatasetStore } from './store/index.ts';
import { piiOptionsOf } from './validation-input.ts';
import { cardOf } from './versions.ts';
import type { Guard } from './view.ts';
import type { Filler, Work } from './work.ts';
import type { Workspace } from './workspace.ts';

type Routes = typeof datasetRoutes;
export type Redactions = ReturnType<typeof createRedactions>;

/** of the work: the rest is taking the files in */
const engineShare = 0.6;

/** Child versions without the personal data of their parent. */
export function createRedactions(
  deps: DatasetsDeps & {
    store: DatasetStore;
    guard: Guard;
    records: Records;
    ingest: Ingest;
    work: Work;
    workspace: Workspace;
  },
) {
  const { store, guard, records, ingest, work, workspace, workers, config } = deps;

  const redact: Filler = async (job, dataset, { by, signal, report }) => {
    const { source, files } = await sourceOf(store, job.detail);
    const known = await store.validations.newest(source.id, { succeeded: true });
    const held = await workspace.rowsOf(source, files);
    const folder = await workspace.folder();
    try {
      const scratch = path.join(folder.path, 'scratch');
      await mkdir(scratch);
      const formats = files.map(({ facts }) => facts!.format);
      const targets = formats.map((format, index) => path.join(folder.path, `${index}.${format}`));
      const input: RedactInput = {
        files: held.files,
        targets,
        formats,
        // names go where they were looked for
        pii: await piiOptionsOf(deps, source, { types: null, ner: known?.report?.ner !== 'off' }),
        method: job.detail['method'] as RedactionMethod,
        methods: job.detail['methods'] as Record<string, RedactionMethod>,
        scratch,
      };
      const output = await workers.long.run<RedactOutput>('redact', input, {
        timeoutMs: config.timeoutMs,
        signal,
        onProgress: (value) => report(engineShare * (value as Progress).done),
        answers: answersOf(deps),
      });
      const names = redactedPaths(files.map(({ path: name }, index) => ({ name, format: formats[index]! })));
      for (const [index, name] of names.entries()) {
        await ingest.take(dataset, by, (onFile) => onFile(name, createReadStream(targets[index]!)), {
          replace: true,
          autostart: false,
          signal,
          detail: { redacted_from: source.id },
        });
        report(engineShare + ((1 - engineShare) * (index + 1)) / names.length);
      }
      return { rows: output.rows, replaced: output.replaced };
    } finally {
      held.release();
      await folder.remove();
    }
  };
  work.register('redaction', redact);

  return {
    async redact(c: Context<Routes['redactDataset']>): Promise<{ dataset: Dataset; job: DatasetJob }> {
      const { access, trx, body } = c;
      const source = await guard.read(access, c.params.id, trx);
      const detail = { ...(await detailOf(store, source, trx)), method: body.method, methods: body.methods };
      const asked = {
        ...cardOf(source),
        version: body.version,
        change_log: body.change_log ?? `Version ${source.version} with its personal data replaced (${body.method}).`,
      };
      const row = await records.add(c, asked, { kind: 'redaction', sourceId: source.id, parentId: source.id });
      const job = await work.add(trx, { dataset: row, kind: 'redaction', detail, by: access.identity });
      c.note(row.id, { redacted_from: source.id, method: body.method, methods: body.methods });
      return { dataset: await records.view(row, trx), job };
    },
  };
}

/** What files are called that were written anew: not compressed, and with the ending of what they are now. */
export function redactedPaths(files: readonly { name: string; format: DatasetFormat }[]): string[] {
  const taken = new Set<string>();
  return files.map(({ name, format }) => {
    const plain = name.replace(/\.gz$/i, '');
    const stem = plain.slice(0, plain.lastIndexOf('.'));
    const ending = format === 'csv' ? '.csv' : plain.slice(plain.lastIndexOf('.'));
    let free = stem + ending;
    for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem}-${number}${ending}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
