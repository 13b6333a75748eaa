import type { UsageEvent } from '../usage.ts';
import type { Entry } from './journal.ts';

/** Entries that are used again. */
export interface Entries {
  /** An open entry with a copy of the event. */
  of(event: UsageEvent): Entry;
  /** Nothing refers to it any more. One that was not made here is left alone. */
  giveBack(entry: Entry): void;
}

/**
 * An event waits for half a second to be settled, which is long for V8: what is made for each request and kept so long is copied twice and then only
 * removed by a collection of everything, which there was once a second under load. Used again, entries of the last second are all that there is.
 */
export function createEntries(most: number): Entries {
  const free: Entry[] = [];
  return {
    of(event) {
      const entry = free.pop();
      if (entry === undefined)
        return { event: { ...event }, ended: false, segment: null, dirty: false, reusable: true, place: -1 };
      copy(event, entry.event);
      entry.ended = false;
      entry.dirty = false;
      return entry;
    },
    giveBack(entry) {
      if (!entry.reusable || free.length >= most) return;
      // of a failure it may hold much
      entry.event.decision = null;
      free.push(entry);
    },
  };
}

/** Each field by itself: what takes all fields of an object takes five times as long. */
function copy(from: UsageEvent, to: UsageEvent): void {
  to.id = from.id;
  to.at = from.at;
  to.request_id = from.request_id;
  to.gateway = from.gateway;
  to.user_id = from.user_id;
  to.team = from.team;
  to.project = from.project;
  to.api_key_id = from.api_key_id;
  to.route = from.route;
  to.environment = from.environment;
  to.endpoint_id = from.endpoint_id;
  to.model_id = from.model_id;
  to.model_name = from.model_name;
  to.model_version = from.model_version;
  to.provider = from.provider;
  to.revision = from.revision;
  to.operation = from.operation;
  to.streamed = from.streamed;
  to.status = from.status;
  to.error_code = from.error_code;
  to.forwarded = from.forwarded;
  to.prompt_tokens = from.prompt_tokens;
  to.completion_tokens = from.completion_tokens;
  to.estimated = from.estimated;
  to.cached = from.cached;
  to.cost = from.cost;
  to.price = from.price;
  to.latency_ms = from.latency_ms;
  to.first_token_ms = from.first_token_ms;
  to.finish_reason = from.finish_reason;
  to.attempts = from.attempts;
  to.trace_id = from.trace_id;
  to.decision = from.decision;
}
