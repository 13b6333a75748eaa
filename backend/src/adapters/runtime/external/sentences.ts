import { createWords } from '#platform/words';

/** What an external model's card lacks, and what is known of its provider. */
export const words = createWords('provider', {
  unknown: {
    message: 'The provider "{provider}" is not known.',
    remedy: 'Set metadata.provider to one of {known}.',
  },
  address: { message: 'metadata.{field} is not a URL.', remedy: 'Set metadata.{field}.' },
  model: { message: 'metadata.model_name is missing.', remedy: 'Set metadata.model_name.' },
  known: { message: '{provider}, one of {known}.' },
  key_missing: { message: 'No key is stored for this model.', remedy: 'Set metadata.api_key.' },
  key_wanted: {
    message: 'No key is stored for this model, and {provider} wants one.',
    remedy: 'Set metadata.api_key of the model.',
  },
  reachable: { message: '{host} may be called.' },
});
