/** One thing that answers chat completions by asking the mock upstream, or the mock itself. */
export interface Peer {
  name: string;
  version: string;
  /** `http://127.0.0.1:{port}`; `/v1/chat/completions` is below it */
  url: string;
  headers: Record<string, string>;
  model: string;
  /** The process to meter with its children; null: none. */
  pid: number | null;
  /** Part of a scenario's requests that it gets: slow ones would take minutes otherwise. */
  share: number;
  stop(): Promise<void>;
}

export interface PeerDeps {
  /** of the mock */
  upstream: string;
  /** A folder that is removed at the end. */
  scratch: string;
  /** Ends the wait for a peer that is starting. */
  signal: AbortSignal;
}
