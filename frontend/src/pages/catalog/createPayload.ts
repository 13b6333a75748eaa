import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { parseObject } from './json.ts';

export interface CreateForm {
  name: string;
  version: string;
  type: 'base' | 'fine-tuned' | 'external';
  ownerTeam: string;
  family: string;
  visibility: 'team' | 'organization';
  description: string;
  intendedUse: string;
  limitations: string;
  license: string;
  huggingFaceId: string;
  provider: 'openai' | 'ollama';
  modelName: string;
  apiKey: string;
  baseUrl: string;
  endpoint: string;
  metadata: string;
  /** ids */
  datasets: string[];
  baseModel: string;
}

export const emptyForm = (): CreateForm => ({
  name: '',
  version: '1.0.0',
  type: 'base',
  ownerTeam: '',
  family: '',
  visibility: 'team',
  description: '',
  intendedUse: '',
  limitations: '',
  license: '',
  huggingFaceId: '',
  provider: 'openai',
  modelName: '',
  apiKey: '',
  baseUrl: '',
  endpoint: '',
  metadata: '',
  datasets: [],
  baseModel: '',
});

type Payload = NonNullable<ArgumentsOf<Tables['createModel']>['body']>;

/** What of the provider's form goes into the metadata. */
function providerMetadata(form: CreateForm): Record<string, string> {
  if (form.type !== 'external') return {};
  const { provider, modelName: model_name } = form;
  return provider === 'openai'
    ? { provider, model_name, api_key: form.apiKey, base_url: form.baseUrl }
    : { provider, model_name, endpoint: form.endpoint };
}

/** The request of a filled form; fields that are empty are left out, and the form's fields win over the JSON beside them. */
export function createPayload(form: CreateForm): Payload {
  const own = {
    description: form.description,
    intended_use: form.intendedUse,
    limitations: form.limitations,
    license: form.license,
    huggingface_model_id: form.type === 'external' ? '' : form.huggingFaceId,
    ...providerMetadata(form),
  };
  const filled = Object.entries(own).flatMap(([name, value]) => (value.trim() === '' ? [] : [[name, value.trim()]]));
  const parsed = parseObject(form.metadata);
  return {
    name: form.name.trim(),
    version: form.version.trim(),
    type: form.type,
    owner_team: form.ownerTeam.trim(),
    visibility: form.visibility,
    metadata: { ...(parsed.ok ? parsed.value : {}), ...Object.fromEntries(filled) },
    lineage_dataset_ids: form.datasets,
    ...(form.family.trim() === '' ? {} : { model_family: form.family.trim() }),
    ...(form.type === 'external' || form.baseModel.trim() === '' ? {} : { base_model_id: form.baseModel.trim() }),
  };
}
