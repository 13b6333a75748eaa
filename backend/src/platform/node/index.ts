/**
 * Node's HTTP module. An `import` of it reads all that it offers, among it what loads Node's own copy of undici, which takes 14 MB; asked for
 * like this, only what is named is read. The types are those of `node:http`.
 */
export const { METHODS, STATUS_CODES, createServer, request } = process.getBuiltinModule('node:http');
