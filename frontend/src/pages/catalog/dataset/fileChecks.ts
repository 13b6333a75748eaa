import type { DatasetType } from '@llm-ops/contracts';
import { shallowReactive } from 'vue';
import { type FileLook, inspectFile, type Problem } from './inspectFile.ts';
import { fits, usualNames } from './requiredColumns.ts';

/**
 * What hinders a file, given what the dataset is for and what becomes of lines that cannot be read: what is wrong in it, else the columns
 * that it lacks.
 */
export function problemOf(
  look: FileLook,
  type: DatasetType | null,
  badRows: 'refuse' | 'skip' = 'refuse',
): Problem | null {
  const left = look.problem?.ofLines === true && badRows === 'skip';
  if (look.problem !== null && !left) return look.problem;
  if (type === null || look.columns === null) return null;
  const { columns } = look;
  if (fits(type, columns)) return null;
  const wanted = usualNames(type).map((shape) =>
    shape
      .filter(({ optional }) => !optional)
      .map(({ name }) => name)
      .join(' + '),
  );
  return { key: 'missing', values: { wanted: wanted.join('; '), found: columns.slice(0, 12).join(', ') || '–' } };
}

/** Looks at files as they come; what was found is there as soon as it is known. */
export function useFileChecks() {
  const looks = shallowReactive(new Map<File, FileLook>());
  return {
    lookOf: (file: File) => looks.get(file),
    /** Answers when all of them were looked at. */
    async look(files: readonly File[]): Promise<void> {
      await Promise.all(
        files.map(async (file) => {
          try {
            looks.set(file, await inspectFile(file));
          } catch {
            // moved or changed since it was chosen
            looks.set(file, { format: null, problem: { key: 'unreadable', values: {} }, columns: null });
          }
        }),
      );
    },
  };
}
