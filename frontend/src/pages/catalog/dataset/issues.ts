import type { DatasetFile, DatasetIssue } from '@llm-ops/contracts';
import { ApiError } from '@llm-ops/sdk';

export interface Issues {
  issues: DatasetIssue[];
  /** exact, also where the list was cut */
  count: number;
}

const isIssue = (one: unknown): one is DatasetIssue =>
  typeof one === 'object' && one !== null && 'reason' in one && 'fix' in one && 'line' in one;

/** What a refusal says of the lines of a file; null when it was refused for something else. */
export function issuesOf(error: unknown): Issues | null {
  if (!(error instanceof ApiError) || error.code !== 'dataset_rejected') return null;
  const listed: unknown = error.data['issues'];
  const issues = Array.isArray(listed) ? listed.filter(isIssue) : [];
  const count = error.data['issue_count'];
  return issues.length === 0 ? null : { issues, count: typeof count === 'number' ? count : issues.length };
}

/** Files stand together while each of them is ready; then their validation begins. */
export function standingOf(files: readonly Pick<DatasetFile, 'status'>[]): 'none' | 'moving' | 'refused' | 'ready' {
  if (files.length === 0) return 'none';
  if (files.some(({ status }) => status === 'uploading' || status === 'checking')) return 'moving';
  return files.some(({ status }) => status === 'refused') ? 'refused' : 'ready';
}
