/** One kind of load. Every gateway gets the same body but for the name of the model. */
export interface Scenario {
  name: string;
  about: string;
  connections: number;
  /** Requests of one measurement at scale 1. Small, with many rounds: a busy moment then spoils few of them. */
  count: number;
  /** Events that an answer must have at least; 0: it is no stream. */
  events: number;
  prompt: string;
}

const question =
  'Where is my order 12345? It was meant to arrive on Tuesday and the tracking page still says that it has not left the ' +
  'warehouse. Please also tell me whether I can change the address before it ships.';
const instruction =
  'You are a helpful assistant that answers questions about orders. Be brief, be polite, cite the order number and never ' +
  'invent data that you were not given by the user or by a tool.';
/** 68 KB on the wire, with what has to be escaped in JSON. */
const longQuestion = `${question} ${'The note on the parcel says "leave it with the neighbours".\n'.repeat(1080)}`;
/** 64 pieces of content, the finish and the usage. */
const pieces = 66;

export const scenarios: Scenario[] = [
  { name: 'ns1', about: '1 connection', connections: 1, count: 1000, events: 0, prompt: question },
  { name: 'ns32', about: '32 connections', connections: 32, count: 2000, events: 0, prompt: question },
  { name: 'ns128', about: '128 connections', connections: 128, count: 2500, events: 0, prompt: question },
  {
    name: 'lat20',
    about: '32 connections, upstream waits 20 ms',
    connections: 32,
    count: 480,
    events: 0,
    prompt: `${question} @@wait=20@@`,
  },
  { name: 'st1', about: '1 stream of 64 chunks', connections: 1, count: 125, events: pieces, prompt: question },
  { name: 'st32', about: '32 streams of 64 chunks', connections: 32, count: 320, events: pieces, prompt: question },
  {
    name: 'd5',
    about: '32 streams, 5 ms between chunks',
    connections: 32,
    count: 32,
    events: pieces,
    prompt: `${question} @@delay=5@@`,
  },
  { name: 'b64k', about: '8 connections, 68 KB prompt', connections: 8, count: 200, events: 0, prompt: longQuestion },
];

export function bodyOf(scenario: Scenario, model: string): string {
  return JSON.stringify({
    model,
    temperature: 0.7,
    max_tokens: 256,
    messages: [
      { role: 'system', content: instruction },
      { role: 'user', content: scenario.prompt },
    ],
    ...(scenario.events > 0 ? { stream: true, stream_options: { include_usage: true } } : {}),
  });
}
