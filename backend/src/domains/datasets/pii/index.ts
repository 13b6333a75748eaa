export { compilePiiRule } from './custom.ts';
export { fingerprintOf } from './fingerprint.ts';
export { maskOf } from './mask.ts';
export { redactJson, redactText, valueIn, type MethodOf } from './redact.ts';
export { createRedactor, type Redactor } from './redactor.ts';
export { scanNumbers } from './numbers.ts';
export { createPiiScanner, type FoundPii, type PiiScanner, type PiiScannerOptions } from './scanner.ts';
export { labelOf, piiTypes, type PiiMatch, type PiiType } from './types.ts';
