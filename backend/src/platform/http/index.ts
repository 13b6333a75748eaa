export {
  bindRoutes,
  type BoundRoutes,
  type Context,
  type FileAnswer,
  type Handlers,
  type Paged,
  type Trx,
} from './types.ts';
export { decodeCursor, pageOf, type Cursor } from './cursor.ts';
export { createHttp, type HttpDeps } from './server.ts';
export { pathOf, type RawHandler } from './listener.ts';
export type { EventAnswer, ServerEvent } from './events.ts';
export { replyThrough, type Reply, type ReplyWatcher, type RequestHead } from './reply.ts';
export { createHostCheck } from './hosts.ts';
export { failureReply, success } from './envelope.ts';
export { openApi } from './openapi.ts';
