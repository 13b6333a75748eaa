import { ApiError } from '@llm-ops/sdk';
import { i18n } from '../i18n.ts';
import { type Said, told } from './said.ts';

export interface ShownFailure {
  message: string;
  /** the platform's own, more exact words, where the language in use has only the general ones */
  detail: string | null;
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
      detail: null,
      remedy: t('shell.error.unreachableRemedy'),
      errorId: null,
      issues: [],
    };
  }
  if (error instanceof ApiError) {
    const said = error.data['said'] as Said | undefined;
    const { message, remedy, errorId } = error;
    const general = said?.['message'] ? null : generally(error.code);
    return {
      message: general ?? told({ message, said }, 'message'),
      detail: general === null ? null : message,
      remedy: told({ remedy, said }, 'remedy'),
      errorId,
      issues: error.issues.map((issue) => ({ path: issue.path, message: told(issue, 'message') })),
    };
  }
  return {
    message: error instanceof Error && error.message ? error.message : unexpected,
    detail: null,
    remedy: null,
    errorId: null,
    issues: [],
  };
}

/** What a code means in the language in use; null: that language has no word for it. */
function generally(code: string): string | null {
  const { t, te } = i18n.global;
  const key = `said.error.${code}.message`;
  return te(key) ? t(key) : null;
}

/** The message for one field of a form, by its dotted path; one for an entry of a list (`args.2`) is shown at the list. */
export function issueOf(error: unknown, ...paths: string[]): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const isOf = (path: string) => paths.includes(path) || paths.includes(path.replace(/\.\d+$/, ''));
  const found = error.issues.find((issue) => isOf(issue.path));
  return found && told(found, 'message');
}
