/** One bucket of a rate limit: so much a minute, refilled evenly. */
export interface Bucket {
  /** who is limited, in what: `key:0199…:requests` */
  key: string;
  /** units a minute; also the most that can be saved up */
  perMinute: number;
  /** units wanted now; 0 asks without taking, a negative amount gives back */
  take: number;
  /** used already, more than was taken before: it is taken in any case, which may leave less than nothing */
  used?: boolean;
}

export interface BucketState {
  /** units left; below 0 when more was used than was taken before */
  remaining: number;
  /** until it is full again */
  resetMs: number;
}

export interface Taken {
  allowed: boolean;
  /** of each bucket asked for, in order, after the call */
  buckets: BucketState[];
  /** the first bucket that refused; -1 when allowed */
  refused: number;
  /** until it could be allowed; 0 when allowed */
  retryAfterMs: number;
}

/** Short-lived state that gateways share: rate counters and answers. In process, or Redis when there are several. */
export interface Cache {
  readonly kind: 'memory' | 'redis';
  /**
   * Takes from every bucket or from none (negative and `used` amounts count in any case). Who wants more than a bucket holds gets it
   * when the bucket is full, and leaves less than nothing. Answers at once in process, else with a promise that never rejects: without
   * the shared store each gateway counts for itself until it is back.
   */
  take(buckets: readonly Bucket[]): Taken | Promise<Taken>;
  /** null: not there, expired, or the store does not answer within its time. Nobody may write into what it answers. */
  get(key: string): Buffer | null | Promise<Buffer | null>;
  /** Keeps it for so many seconds; what is larger than 1 MiB or cannot be stored is left out without a word. */
  set(key: string, value: Buffer, ttlSeconds: number): void;
  /** Throws while the shared store does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
