import { organizationRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { createModels } from './service.ts';

export function createRoutes(models: ReturnType<typeof createModels>): BoundRoutes {
  return bindRoutes(organizationRoutes, {
    getModelCluster: async (c) => models.status(c.access),
    listAllOrganizationModels: async (c) => models.all(c.access),
    listOrganizationModels: async (c) => models.list(c.access),
    createOrganizationModel: async (c) => models.create(c),
    getOrganizationModel: async (c) => models.get(c.access, c.params.id),
    updateOrganizationModel: async (c) => models.update(c),
    deleteOrganizationModel: async (c) => models.remove(c),
  });
}
