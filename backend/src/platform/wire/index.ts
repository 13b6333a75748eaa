export {
  createWireClient,
  WireError,
  type WireCall,
  type WireClient,
  type WireHandler,
  type WireRequest,
} from './client.ts';
export { createDial, type Origin } from './dial.ts';
export { createWriter, type Writer } from './writing.ts';
export { createParser, frame, frameEnd, headerOf, ProtocolError, unframe } from './parser.ts';
