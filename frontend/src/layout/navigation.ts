import type { Permission } from '@llm-ops/contracts';

interface Entry {
  /** key in `shell.nav` */
  label: string;
  to: string;
  icon: string;
  permission?: Permission;
}
interface Group {
  /** key in `shell.group`; null: no heading */
  label: string | null;
  entries: Entry[];
}

export const navigation: Group[] = [
  { label: null, entries: [{ label: 'home', to: '/', icon: 'i-lucide-house' }] },
  {
    label: 'catalog',
    entries: [
      { label: 'models', to: '/catalog/models', icon: 'i-lucide-box', permission: 'model:read' },
      { label: 'datasets', to: '/catalog/datasets', icon: 'i-lucide-database', permission: 'dataset:read' },
      { label: 'benchmarks', to: '/catalog/benchmarks', icon: 'i-lucide-target', permission: 'dataset:read' },
      { label: 'approvals', to: '/catalog/approvals', icon: 'i-lucide-inbox', permission: 'model:read' },
    ],
  },
  {
    label: 'serving',
    entries: [
      { label: 'endpoints', to: '/serving/endpoints', icon: 'i-lucide-rocket', permission: 'endpoint:read' },
      { label: 'changes', to: '/serving/changes', icon: 'i-lucide-clipboard-check', permission: 'endpoint:read' },
      { label: 'cluster', to: '/serving/cluster', icon: 'i-lucide-server', permission: 'endpoint:read' },
      { label: 'routes', to: '/serving/routes', icon: 'i-lucide-split', permission: 'route:read' },
      { label: 'registrations', to: '/serving/registrations', icon: 'i-lucide-signpost', permission: 'route:read' },
      {
        label: 'organizationModels',
        to: '/serving/organization-models',
        icon: 'i-lucide-building-2',
        permission: 'endpoint:read',
      },
      { label: 'chat', to: '/serving/chat', icon: 'i-lucide-messages-square', permission: 'inference:call' },
    ],
  },
  {
    label: 'observability',
    entries: [
      { label: 'gateway', to: '/observability', icon: 'i-lucide-activity', permission: 'usage:read' },
      { label: 'requests', to: '/observability/requests', icon: 'i-lucide-list', permission: 'usage:read' },
      {
        label: 'serviceLevels',
        to: '/observability/service-levels',
        icon: 'i-lucide-gauge',
        permission: 'usage:read',
      },
    ],
  },
  {
    label: 'governance',
    entries: [
      { label: 'policies', to: '/governance/policies', icon: 'i-lucide-scale', permission: 'policy:read' },
      { label: 'piiRules', to: '/governance/pii-rules', icon: 'i-lucide-scan-eye', permission: 'dataset:read' },
      { label: 'audit', to: '/governance/audit', icon: 'i-lucide-scroll-text', permission: 'audit:read' },
      { label: 'apiKeys', to: '/governance/api-keys', icon: 'i-lucide-key-round', permission: 'api-key:read' },
      { label: 'budgets', to: '/governance/budgets', icon: 'i-lucide-wallet', permission: 'budget:read' },
      { label: 'prices', to: '/governance/prices', icon: 'i-lucide-tags', permission: 'price:read' },
    ],
  },
  {
    label: 'platform',
    entries: [{ label: 'settings', to: '/settings', icon: 'i-lucide-settings', permission: 'settings:read' }],
  },
];

/** The entry that a page belongs to: of those that its path begins with, the longest. */
export function entryOf(path: string): string | undefined {
  const above = (to: string) => (to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`));
  return navigation
    .flatMap(({ entries }) => entries.map(({ to }) => to))
    .filter(above)
    .toSorted((a, b) => b.length - a.length)[0];
}
