import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router';
import { type Area, loadArea } from './i18n.ts';

declare module 'vue-router' {
  interface RouteMeta {
    /** whose texts the page needs */
    areas?: readonly Area[];
    /** key of the page's title in `shell.title` */
    title?: string;
  }
}

const page = (
  path: string,
  title: string,
  areas: Area | readonly Area[],
  component: RouteRecordRaw['component'],
): RouteRecordRaw => ({
  path,
  name: title,
  component: component as NonNullable<RouteRecordRaw['component']>,
  meta: { areas: typeof areas === 'string' ? [areas] : areas, title },
});
/** A change is read with the parts of endpoints, and decided with those of the catalog. */
const changes = ['serving', 'cluster', 'catalog', 'changes'] as const;
/** Pages of datasets share parts with those of models. */
const datasets = ['catalog', 'datasets'] as const;
/** Models of organizations are endpoints and share parts with them, their changes too. */
const organization = ['serving', 'changes', 'organization'] as const;

const routes: RouteRecordRaw[] = [
  page('/', 'home', 'shell', () => import('./pages/Home.vue')),
  page('/catalog/models', 'models', 'catalog', () => import('./pages/catalog/ModelList.vue')),
  page('/catalog/models/new', 'modelCreate', 'catalog', () => import('./pages/catalog/ModelCreate.vue')),
  page('/catalog/models/:id', 'model', 'catalog', () => import('./pages/catalog/ModelDetail.vue')),
  page('/catalog/datasets', 'datasets', datasets, () => import('./pages/catalog/DatasetList.vue')),
  page('/catalog/datasets/new', 'datasetCreate', datasets, () => import('./pages/catalog/DatasetCreate.vue')),
  page(
    '/catalog/datasets/:id',
    'dataset',
    [...datasets, 'observability'],
    () => import('./pages/catalog/DatasetDetail.vue'),
  ),
  page('/catalog/datasets/:id/compare', 'datasetCompare', datasets, () => import('./pages/catalog/DatasetCompare.vue')),
  page('/catalog/benchmarks', 'benchmarks', datasets, () => import('./pages/catalog/BenchmarkList.vue')),
  page('/catalog/approvals', 'approvals', ['catalog', 'changes'], () => import('./pages/catalog/ApprovalList.vue')),
  page('/serving/endpoints', 'endpoints', 'serving', () => import('./pages/serving/EndpointList.vue')),
  page('/serving/cluster', 'cluster', ['serving', 'cluster'], () => import('./pages/serving/ClusterView.vue')),
  page(
    '/serving/endpoints/deploy',
    'endpointDeploy',
    ['serving', 'cluster', 'changes'],
    () => import('./pages/serving/EndpointDeploy.vue'),
  ),
  page(
    '/serving/endpoints/:id',
    'endpoint',
    ['serving', 'cluster', 'changes'],
    () => import('./pages/serving/EndpointDetail.vue'),
  ),
  page('/serving/changes', 'changes', changes, () => import('./pages/serving/ChangeList.vue')),
  page('/serving/changes/:id', 'change', changes, () => import('./pages/serving/ChangeDetail.vue')),
  page('/serving/routes', 'routes', 'serving', () => import('./pages/serving/RouteList.vue')),
  page('/serving/routes/:id', 'route', 'serving', () => import('./pages/serving/RouteDetail.vue')),
  page('/serving/registrations', 'registrations', 'serving', () => import('./pages/serving/RegistrationList.vue')),
  page(
    '/serving/organization-models',
    'organizationModels',
    organization,
    () => import('./pages/organization/OrganizationModels.vue'),
  ),
  page(
    '/serving/organization-models/deploy',
    'organizationModelDeploy',
    organization,
    () => import('./pages/organization/ModelDeploy.vue'),
  ),
  page(
    '/serving/organization-models/:id',
    'organizationModel',
    organization,
    () => import('./pages/organization/OrganizationModel.vue'),
  ),
  page('/serving/chat/:endpointId?', 'chat', 'serving', () => import('./pages/serving/ChatTest.vue')),
  page('/observability', 'gateway', 'observability', () => import('./pages/observability/GatewayLive.vue')),
  page('/observability/requests', 'requests', 'observability', () => import('./pages/observability/RequestLog.vue')),
  page(
    '/observability/service-levels',
    'serviceLevels',
    'observability',
    () => import('./pages/observability/ServiceLevels.vue'),
  ),
  page(
    '/observability/requests/:id',
    'request',
    'observability',
    () => import('./pages/observability/RequestView.vue'),
  ),
  page('/governance/policies', 'policies', 'governance', () => import('./pages/governance/PolicyList.vue')),
  page('/governance/pii-rules', 'piiRules', 'datasets', () => import('./pages/governance/PiiRuleList.vue')),
  page('/governance/audit', 'audit', 'governance', () => import('./pages/governance/AuditLog.vue')),
  page('/governance/api-keys', 'apiKeys', 'governance', () => import('./pages/governance/ApiKeys.vue')),
  page('/governance/budgets', 'budgets', 'cost', () => import('./pages/cost/BudgetList.vue')),
  page('/governance/prices', 'prices', 'cost', () => import('./pages/cost/PriceList.vue')),
  page('/settings', 'settings', 'governance', () => import('./pages/Settings.vue')),
  page('/:path(.*)*', 'notFound', 'shell', () => import('./pages/NotFound.vue')),
];

export const router = createRouter({ history: createWebHistory('/'), routes, scrollBehavior: () => ({ top: 0 }) });

router.beforeEach(async (to) => {
  await Promise.all((to.meta.areas ?? ['shell']).map(loadArea));
});
