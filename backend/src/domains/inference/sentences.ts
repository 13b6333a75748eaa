import { createWords } from '#platform/words';

/** Why a request was refused or failed: answered, and kept in the request log. */
export const words = createWords('inference', {
  key_requests: { message: 'This API key may use {most} requests a minute.' },
  key_tokens: { message: 'This API key may use {most} tokens a minute.' },
  route_requests: { message: 'This route may use {most} requests a minute.' },
  route_tokens: { message: 'This route may use {most} tokens a minute.' },
  later: { remedy: 'Try again in {seconds} s, or ask an operator for a higher limit.' },
  name_not_allowed: {
    message: 'This API key may not call "{name}".',
    remedy: 'Use a key whose routes hold "{name}".',
  },
  environment_not_allowed: {
    message: 'This API key may not reach {environment}.',
    remedy: 'Use a key made for {environment}.',
  },
  disabled: { message: '"{name}" is registered but disabled.' },
  no_route: { message: 'No route is called "{name}".' },
  all_open: { message: '"{route}" in {environment} failed again and again; it is tried again in {seconds} s.' },
  asked_too_often: { message: '"{route}" is asked too often.' },
  not_ready: { message: 'The engine of "{route}" ({model}) is not ready.' },
  failed_with: { message: 'The engine of "{route}" failed with {status}.' },
  failed_midway: { message: 'The engine of "{route}" failed in the middle of its answer.' },
  provider_key: { remedy: "Check the provider's API key: test the connection on the model's page." },
  timed_out: { message: '"{route}" did not answer in time: no {waited}.' },
  wait_connection: { text: 'connection' },
  wait_first: { text: 'first byte' },
  wait_next: { text: 'next byte' },
  wait_answer: { text: 'answer' },
  not_reached: { message: 'The engine of "{route}" cannot be reached.' },
  broke_off: { message: 'The engine of "{route}" cannot be reached or broke off.' },
});
