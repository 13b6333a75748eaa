import type { Said } from '#platform/words';
import { catalogue, type ErrorCode } from './catalogue.ts';

export { catalogue, type ErrorCode } from './catalogue.ts';
export { words as fieldWords } from './sentences.ts';
export { unknownField } from './unknown.ts';

export interface Issue {
  /** dotted path of the field in the request: `body.metadata.description` is written `metadata.description` */
  path: string;
  message: string;
  /** which sentence the message is, where it is one of the platform (`#platform/words`) */
  said?: Said | undefined;
}

interface FailureDetail {
  message?: string;
  remedy?: string;
  /** of message and remedy, where they are sentences of the platform */
  said?: Said | undefined;
  issues?: Issue[];
  /** further facts for the reply's `data`, beside code, errorId, issues and remedy */
  data?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** there is such a row, but another team's: answered as not found, written to the audit log as denied */
  hidden?: boolean;
  cause?: unknown;
}

/** The one error that reaches a client as it is; anything else becomes `internal`. */
export class Failure extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly remedy: string;
  readonly said: Said;
  readonly issues: Issue[] | undefined;
  readonly data: Record<string, unknown> | undefined;
  readonly headers: Record<string, string> | undefined;
  readonly hidden: boolean;

  constructor(code: ErrorCode, detail: FailureDetail) {
    const entry = catalogue[code];
    super(detail.message ?? entry.message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'Failure';
    this.code = code;
    this.status = entry.status;
    this.remedy = detail.remedy ?? entry.remedy;
    const own = (field: 'message' | 'remedy') =>
      detail[field] === undefined ? { [field]: { code: `error.${code}.${field}` } } : {};
    this.said = { ...own('message'), ...own('remedy'), ...detail.said };
    this.issues = detail.issues;
    this.data = detail.data;
    this.headers = detail.headers;
    this.hidden = detail.hidden ?? false;
  }
}

export function failure(code: ErrorCode, detail: FailureDetail = {}): Failure {
  return new Failure(code, detail);
}

export function isFailure(error: unknown, code?: ErrorCode): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code);
}
