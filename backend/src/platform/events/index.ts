import type { Transaction } from 'kysely';
import type { JobContext, Jobs } from '#platform/jobs';

/**
 * Domain events. Publishing adds one durable job per subscriber in the transaction of the change, so an event is delivered at least
 * once to each, exactly when the change committed. No sequence cursor is read: late commits are not missed.
 */
export interface Events {
  publish(trx: Transaction<unknown>, type: string, payload: object): Promise<void>;
  subscribe<T extends object>(
    type: string,
    subscriber: string,
    handler: (payload: T, context: JobContext) => Promise<void>,
  ): void;
}

export function createEvents(jobs: Jobs): Events {
  const subscribers = new Map<string, string[]>();
  return {
    async publish(trx, type, payload) {
      for (const queue of subscribers.get(type) ?? []) await jobs.send(trx, queue, payload);
    },
    subscribe(type, subscriber, handler) {
      const queue = `event.${type}.${subscriber}`;
      jobs.define(queue, {}, handler);
      subscribers.set(type, [...(subscribers.get(type) ?? []), queue]);
    },
  };
}
