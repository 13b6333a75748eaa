export * from './catalog.ts';
export * from './common.ts';
export * from './governance.ts';
export * from './inference.ts';
export * from './permissions.ts';
export * from './platform.ts';
export * from './route.ts';
export * from './serving.ts';
export const basePath = '/llm-ops/v1';
