import type { BodyOf, Environment, servingRoutes } from '@llm-ops/contracts';
import { emptyPlan, type PlanForm } from './change/planForm.ts';
import { previewRoute } from './routeName.ts';
import { emptyScale, policyOf, type ScaleForm } from './scaleForm.ts';

export interface ResourceForm {
  cpuRequest: string;
  cpuLimit: string;
  memoryRequest: string;
  memoryLimit: string;
}

export const probeNames = ['liveness', 'readiness', 'startup'] as const;
export const probeNumbers = ['initialDelaySeconds', 'periodSeconds', 'failureThreshold'] as const;
interface ProbeForm {
  path: string;
  initialDelaySeconds: number | undefined;
  periodSeconds: number | undefined;
  failureThreshold: number | undefined;
}
export type ProbesForm = Record<(typeof probeNames)[number], ProbeForm>;

export const emptyProbes = (): ProbesForm => {
  const probe = () => ({
    path: '',
    initialDelaySeconds: undefined,
    periodSeconds: undefined,
    failureThreshold: undefined,
  });
  return { liveness: probe(), readiness: probe(), startup: probe() };
};

/** The probes that were typed; one without a path is the runtime's to decide. Empty for none. */
export function probesOf(form: ProbesForm) {
  const given = probeNames.flatMap((name) => {
    const { path, ...numbers } = form[name];
    const typed = Object.entries(numbers).filter(([, value]) => typeof value === 'number');
    if (path.trim() === '' && typed.length === 0) return [];
    return [[name, { path: path.trim(), ...Object.fromEntries(typed) }] as const];
  });
  return given.length === 0 ? {} : { probes: Object.fromEntries(given) as NonNullable<Deployment['probes']> };
}

/** Everything the wizard asks for, as it is typed. */
export interface DeployForm extends ResourceForm, ScaleForm {
  modelId: string;
  environment: Environment;
  route: string;
  rollbackPlan: string;
  parityNote: string;
  /** asked for where it is required: see `change/ChangeSection.vue` */
  plan: PlanForm;
  /** an image of the list; empty for the platform's default; `customImage` for the one below */
  image: string;
  customImage: string;
  useGpu: boolean;
  gpuCount: number | undefined;
  gpuType: string;
  contextLength: number | undefined;
  /** one a line */
  args: string;
  /** NAME=value, one a line */
  env: string;
  probes: ProbesForm;
  imagePullPolicy: Deployment['imagePullPolicy'];
  /** empty: as the platform decides */
  deploymentMode: '' | 'raw' | 'kserve';
}

export const customImage = 'custom';

export const emptyDeployForm = (): DeployForm => ({
  modelId: '',
  environment: 'dev',
  route: '',
  ...emptyScale(),
  rollbackPlan: '',
  parityNote: '',
  plan: emptyPlan(),
  image: '',
  customImage: '',
  useGpu: false,
  gpuCount: undefined,
  gpuType: '',
  cpuRequest: '',
  cpuLimit: '',
  memoryRequest: '',
  memoryLimit: '',
  contextLength: undefined,
  args: '',
  env: '',
  probes: emptyProbes(),
  imagePullPolicy: 'IfNotPresent',
  deploymentMode: '',
});

/** Lines that say something, trimmed. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** NAME=value lines; what is no such line is named in `wrong`. */
export function parseEnv(text: string): { values: Record<string, string>; wrong: string[] } {
  const values: Record<string, string> = {};
  const wrong: string[] = [];
  for (const line of linesOf(text)) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) wrong.push(line);
    else values[name] = value;
  }
  return { values, wrong };
}

/** The resources that were typed; those left empty are the platform's to decide. */
export function resourcesOf(form: ResourceForm): Partial<ResourceForm> {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = form;
  const given = Object.entries({ cpuRequest, cpuLimit, memoryRequest, memoryLimit });
  return Object.fromEntries(given.map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ''));
}

type Deployment = BodyOf<(typeof servingRoutes)['deployEndpoint']>;

/** What is sent. An external model runs elsewhere: nothing of the runtime is asked for. */
export function deployPayload(form: DeployForm, external: boolean): Deployment {
  const image = form.image === customImage ? form.customImage.trim() : form.image;
  const policy = policyOf(form);
  const ran = {
    useGpu: form.useGpu,
    ...(image === '' ? {} : { servingRuntimeImage: image }),
    ...(form.useGpu && form.gpuCount ? { gpuCount: form.gpuCount } : {}),
    ...(form.useGpu && form.gpuType.trim() !== '' ? { gpuType: form.gpuType.trim() } : {}),
    ...(form.contextLength ? { contextLength: form.contextLength } : {}),
    ...resourcesOf(form),
    ...probesOf(form.probes),
    ...(form.deploymentMode === '' ? {} : { deploymentMode: form.deploymentMode }),
    ...(policy === null ? {} : { autoscalePolicy: policy }),
  };
  return {
    modelId: form.modelId,
    environment: form.environment,
    route: previewRoute(form.route).route,
    minReplicas: form.minReplicas ?? 1,
    maxReplicas: form.maxReplicas ?? form.minReplicas ?? 1,
    ...(form.rollbackPlan.trim() === '' ? {} : { rollbackPlan: form.rollbackPlan.trim() }),
    ...(form.parityNote.trim() === '' ? {} : { parityNote: form.parityNote.trim() }),
    args: external ? [] : linesOf(form.args),
    env: external ? {} : parseEnv(form.env).values,
    imagePullPolicy: form.imagePullPolicy ?? 'IfNotPresent',
    ...(external ? { useGpu: false } : ran),
  };
}

export const steps = ['model', 'place', 'runtime', 'preflight'] as const;
export type Step = (typeof steps)[number];

const placeFields = ['environment', 'route', 'minReplicas', 'maxReplicas', 'autoscalePolicy', 'rollbackPlan'];

/** Where a field of the request is asked for. */
export function stepOf(path: string): Step {
  const [field = ''] = path.split('.');
  if (field === 'modelId' || field === 'version') return 'model';
  if (placeFields.includes(field)) return 'place';
  return field === 'parityNote' || field === 'change' ? 'preflight' : 'runtime';
}
