import { ApiError } from '@llm-ops/sdk';
import { i18n } from '../i18n.ts';

export interface ShownFailure {
  message: string;
  remedy: string | null;
  errorId: string | null;
  issues: readonly { path: string; message: string }[];
}

/** What a person sees of any error. */
export function failureOf(error: unknown, unexpected: string): ShownFailure {
  if (error instanceof ApiError && error.code === 'network_unreachable') {
    // no server spoke, so the words are ours
    const { t } = i18n.global;
    return {
      message: t('shell.error.unreachable'),
      remedy: t('shell.error.unreachableRemedy'),
      errorId: null,
      issues: [],
    };
  }
  if (error instanceof ApiError) {
    return { message: error.message, remedy: error.remedy, errorId: error.errorId, issues: error.issues };
  }
  return {
    message: error instanceof Error && error.message ? error.message : unexpected,
    remedy: null,
    errorId: null,
    issues: [],
  };
}

/** The message for one field of a form, by its dotted path; one for an entry of a list (`args.2`) is shown at the list. */
export function issueOf(error: unknown, ...paths: string[]): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const isOf = (path: string) => paths.includes(path) || paths.includes(path.replace(/\.\d+$/, ''));
  return error.issues.find((issue) => isOf(issue.path))?.message;
}
