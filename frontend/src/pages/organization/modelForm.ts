import type { OrganizationModelCreate, OrganizationModelUpdate } from '@llm-ops/contracts';
import type { z } from 'zod';
import { linesOf, parseEnv } from '../serving/deployForm.ts';
import type { OrganizationModel } from './vocabulary.ts';

type Create = z.input<typeof OrganizationModelCreate>;
type Update = z.input<typeof OrganizationModelUpdate>;

/** Everything that is asked for, as it is typed; what is empty is the platform's to decide. */
export interface ModelForm {
  name: string;
  displayName: string;
  description: string;
  huggingfaceId: string;
  image: string;
  gpuCount: number | undefined;
  minVram: string;
  cpu: string;
  memory: string;
  autoscaling: boolean;
  minReplicas: number | undefined;
  maxReplicas: number | undefined;
  targetMetric: string;
  targetValue: string;
  scaleDownDelay: string;
  pvc: boolean;
  storageClass: string;
  /** one a line */
  args: string;
  /** NAME=value, one a line */
  env: string;
  token: string;
}

export const emptyModelForm = (): ModelForm => ({
  name: '',
  displayName: '',
  description: '',
  huggingfaceId: '',
  image: '',
  gpuCount: 1,
  minVram: '',
  cpu: '',
  memory: '',
  autoscaling: true,
  minReplicas: 1,
  maxReplicas: 8,
  targetMetric: '',
  targetValue: '',
  scaleDownDelay: '',
  pvc: false,
  storageClass: '',
  args: '',
  env: '',
  token: '',
});

export function formOf(model: OrganizationModel): ModelForm {
  const { deployment_config: deployment, autoscaling_config: scaling, requirements } = model;
  return {
    name: model.name,
    displayName: model.display_name,
    description: model.description,
    huggingfaceId: model.huggingface_id,
    image: deployment.image,
    gpuCount: deployment.gpu_count,
    minVram: requirements.gpu?.min_vram ?? '',
    cpu: requirements.cpu ?? '',
    memory: requirements.memory ?? '',
    autoscaling: deployment.enable_autoscaling,
    minReplicas: scaling.min_replicas,
    maxReplicas: scaling.max_replicas,
    targetMetric: scaling.target_metric,
    targetValue: scaling.target_value,
    scaleDownDelay: scaling.scale_down_delay,
    pvc: deployment.enable_pvc,
    storageClass: deployment.storage_class ?? '',
    args: deployment.args.join('\n'),
    env: deployment.extra_env.map(({ name, value }) => `${name}=${value}`).join('\n'),
    token: '',
  };
}

/** Only what says something. */
function filled<T extends object>(part: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(part).filter(([, value]) => value !== '' && value !== undefined),
  ) as Partial<T>;
}

const envOf = (text: string) => Object.entries(parseEnv(text).values).map(([name, value]) => ({ name, value }));
const scalingOf = (form: ModelForm) => ({
  min_replicas: form.minReplicas,
  ...(form.autoscaling
    ? {
        max_replicas: form.maxReplicas,
        target_metric: form.targetMetric.trim(),
        target_value: form.targetValue.trim(),
        scale_down_delay: form.scaleDownDelay.trim(),
      }
    : {}),
});

export function createOf(form: ModelForm): Create {
  const gpu = filled({ min_vram: form.minVram.trim() });
  return {
    name: form.name.trim(),
    huggingface_id: form.huggingfaceId.trim(),
    ...filled({ display_name: form.displayName.trim(), description: form.description.trim() }),
    requirements: {
      ...filled({ cpu: form.cpu.trim(), memory: form.memory.trim() }),
      ...(Object.keys(gpu).length > 0 ? { gpu } : {}),
    },
    deployment_config: {
      ...filled({
        image: form.image.trim(),
        gpu_count: form.gpuCount,
        storage_class: form.pvc ? form.storageClass.trim() : '',
        hugging_face_token: form.token.trim(),
      }),
      enable_autoscaling: form.autoscaling,
      enable_pvc: form.pvc,
      args: linesOf(form.args),
      extra_env: envOf(form.env),
    },
    autoscaling_config: filled(scalingOf(form)),
  };
}

/** What of a form differs from the model; what was emptied is taken back. A name that stays is not sent: it would be another volume. */
export function updateOf(form: ModelForm, model: OrganizationModel): Update {
  const before = formOf(model);
  const now = <K extends keyof ModelForm, T>(field: K, name: string, value: T): Record<string, T> =>
    form[field] === before[field] ? {} : { [name]: value };
  const gpu = now('minVram', 'min_vram', form.minVram.trim() || null);
  const requirements = {
    ...now('cpu', 'cpu', form.cpu.trim() || null),
    ...now('memory', 'memory', form.memory.trim() || null),
    ...(Object.keys(gpu).length > 0 ? { gpu } : {}),
  };
  const deployment = {
    ...(form.image.trim() === '' ? {} : now('image', 'image', form.image.trim())),
    ...now('gpuCount', 'gpu_count', form.gpuCount),
    ...now('autoscaling', 'enable_autoscaling', form.autoscaling),
    ...now('pvc', 'enable_pvc', form.pvc),
    ...(form.pvc ? now('storageClass', 'storage_class', form.storageClass.trim()) : {}),
    ...now('args', 'args', linesOf(form.args)),
    ...now('env', 'extra_env', envOf(form.env)),
    ...now('token', 'hugging_face_token', form.token.trim()),
  };
  const wanted = scalingOf(form);
  const had = scalingOf({ ...before, autoscaling: form.autoscaling });
  const scaling = filled(
    Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value !== had[name as keyof typeof had])),
  );
  return {
    ...(form.displayName.trim() === '' ? {} : now('displayName', 'display_name', form.displayName.trim())),
    ...now('description', 'description', form.description.trim()),
    ...(Object.keys(requirements).length > 0 ? { requirements } : {}),
    ...(Object.keys(deployment).length > 0 ? { deployment_config: deployment } : {}),
    ...(Object.keys(scaling).length > 0 ? { autoscaling_config: scaling } : {}),
  } as Update;
}

/** Fields whose change starts every replica anew. */
const restarting: (keyof ModelForm)[] = [
  'image',
  'gpuCount',
  'minVram',
  'cpu',
  'memory',
  'pvc',
  'storageClass',
  'args',
  'env',
  'token',
];
export const restarts = (form: ModelForm, model: OrganizationModel): boolean => {
  const before = formOf(model);
  // a volume for one replica cannot be shared by several
  const shares = form.pvc && before.maxReplicas === 1 && (form.maxReplicas ?? 1) > 1;
  return shares || restarting.some((field) => form[field] !== before[field]);
};

/** What is wrong before anything is sent: field → key below `organization.fault`. */
export function faultsOf(form: ModelForm): Partial<Record<keyof ModelForm, string>> {
  const { minReplicas, maxReplicas } = form;
  return {
    ...(/^[a-z]([-a-z0-9]{0,46}[a-z0-9])?$/.test(form.name.trim()) ? {} : { name: 'name' }),
    ...(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/.test(form.huggingfaceId.trim())
      ? {}
      : { huggingfaceId: 'huggingfaceId' }),
    ...(minReplicas === undefined ? { minReplicas: 'minReplicas' } : {}),
    ...(form.autoscaling && (maxReplicas === undefined || maxReplicas < (minReplicas ?? 1))
      ? { maxReplicas: 'maxReplicas' }
      : {}),
    ...(parseEnv(form.env).wrong.length > 0 ? { env: 'env' } : {}),
  };
}

/** `Qwen/Qwen3-Coder-30B` → `qwen3-coder-30b`: a name that Kubernetes takes. */
export function suggestName(huggingfaceId: string): string {
  return (huggingfaceId.split('/').at(-1) ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+/g, '')
    .slice(0, 48)
    .replaceAll(/-+$/g, '');
}
