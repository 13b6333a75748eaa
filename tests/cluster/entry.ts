import { ask, type Person } from '../journeys/harness.ts';

/** The entry of a model of Hugging Face in the catalog, approved by somebody else than who registered it. */
export async function approvedEntry(
  api: string,
  huggingfaceId: string,
  people: { author: Person; reviewer: Person; team: string },
): Promise<void> {
  const { author, reviewer, team } = people;
  const entry = await ask(api, author, 'POST', '/catalog/models', {
    name: huggingfaceId,
    version: 'main',
    type: 'base',
    owner_team: team,
    metadata: { description: 'Writes code.', huggingface_model_id: huggingfaceId },
  });
  await ask(api, author, 'PATCH', `/catalog/models/${entry.id}/status`, { status: 'pending_review' });
  await ask(api, reviewer, 'POST', `/catalog/models/${entry.id}/versions/main/approve`, { decision: 'approve' });
}
