import type { OrganizationModelCreate, OrganizationModelUpdate } from '@llm-ops/contracts';
import type { z } from 'zod';
import { api } from './api.ts';

type Create = z.input<typeof OrganizationModelCreate>;
type Update = z.input<typeof OrganizationModelUpdate>;

/** Document 004's calls. They have no envelope; what they answer is under `data`, as of every call here. */
export const organizationClient = {
  getCluster: () => api.call('getModelCluster'),
  listAllModels: () => api.call('listAllOrganizationModels'),
  getModel: (id: string) => api.call('getOrganizationModel', { params: { id } }),
  createModel: (body: Create) => api.call('createOrganizationModel', { body }),
  updateModel: (id: string, body: Update) => api.call('updateOrganizationModel', { params: { id }, body }),
  deleteModel: (id: string) => api.call('deleteOrganizationModel', { params: { id } }),
};
