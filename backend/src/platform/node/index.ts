/**
 * Node's HTTP module. An `import` of it reads all that it offers, among it what loads Node's own copy of undici, which takes 14 MB; asked for
 * like this, only what is named is read. The types are those of `node:http`.
 */
export const { METHODS, STATUS_CODES, createServer, request } = process.getBuiltinModule('node:http');

const { createRequire } = process.getBuiltinModule('node:module');
const require = createRequire(import.meta.url);

/** A library that few need, loaded when it is asked for first: what is loaded at the start stays in memory with its source. `T` is `typeof import(name)`. */
export function onDemand<T>(name: string): () => T {
  let loaded: T | undefined;
  return () => (loaded ??= require(name) as T);
}
