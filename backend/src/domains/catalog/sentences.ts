import { createWords } from '#platform/words';

/** What the card of a model lacks. */
export const cardWords = createWords('model-card', {
  description: { message: 'Say what this model is, in a sentence or more.' },
  intended_use: { message: 'Say what it is meant for, and what not.' },
  license: { message: 'Name the license, as an SPDX identifier if there is one.' },
  limitations: { message: 'Say what it is known to do badly.' },
  provider: { message: 'Must be "openai" or "ollama".' },
  model_name: { message: 'Name the model as the provider calls it, such as gpt-4 or llama2.' },
  endpoint: { message: 'Give the address of Ollama, such as http://localhost:11434.' },
  api_key: { message: 'Give the key of the provider; it is stored encrypted and never shown.' },
  base_model_id: { message: 'Name the model that it was tuned from.' },
  lineage_dataset_ids: { message: 'Name the datasets that it was tuned on.' },
});
