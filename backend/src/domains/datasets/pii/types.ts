/** What the built-in detectors know, most specific first: where two findings are equally sure, the one further up wins. */
export const piiTypes = [
  { type: 'private_key', label: 'Private key' },
  { type: 'api_key', label: 'API key, token or password' },
  { type: 'email', label: 'E-mail address' },
  { type: 'iban', label: 'IBAN' },
  { type: 'credit_card', label: 'Card number' },
  { type: 'kr_rrn', label: 'Korean resident registration number' },
  { type: 'kr_foreigner', label: 'Korean foreigner registration number' },
  { type: 'kr_corp', label: 'Korean corporate registration number' },
  { type: 'kr_brn', label: 'Korean business registration number' },
  { type: 'us_ssn', label: 'US social security number' },
  { type: 'passport', label: 'Passport number' },
  { type: 'phone', label: 'Phone number' },
  { type: 'ip_address', label: 'IP address' },
  { type: 'address', label: 'Postal address' },
] as const;
export type PiiType = (typeof piiTypes)[number]['type'];

const labels = new Map<string, string>(piiTypes.map(({ type, label }) => [type, label]));

/** A type as people call it: built in, of a rule, or as a server calls what it names. */
export function labelOf(type: string): string {
  if (type.startsWith('custom:')) return `The rule ${type.slice('custom:'.length)}`;
  return labels.get(type) ?? `${type[0]!.toUpperCase()}${type.slice(1).replaceAll('_', ' ')}`;
}

/** Place of a type in `piiTypes`. */
export const rankOf = Object.fromEntries(piiTypes.map(({ type }, rank) => [type, rank])) as Record<PiiType, number>;

export interface PiiMatch {
  /** one of `piiTypes`, or `custom:{name}` of a rule */
  type: string;
  /** UTF-16 units of the cell */
  start: number;
  end: number;
  /** 0.5 to 0.99 */
  confidence: number;
}

/** What is less sure than this is not told. */
export const LEAST_CONFIDENCE = 0.5;

/** Where detectors put what they see. Places are those of the tape. */
export interface Findings {
  /** Weighs a finding by the words around it and keeps it when it is sure enough. */
  add(type: PiiType, start: number, end: number, confidence: number): void;
  /** whether addresses are looked for at all: that is asked at each number */
  readonly addresses: boolean;
  /** Whether a word that belongs to the type stands near. */
  near(type: PiiType, start: number, end: number): boolean;
}

/** Looks at one place of a tape. Before the first cell, between cells and after the last one is a 0, so it may look past any other unit. */
export type Detect = (codes: Uint16Array, at: number, findings: Findings) => void;
