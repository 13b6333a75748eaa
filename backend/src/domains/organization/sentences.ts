import { createWords } from '#platform/words';

/** What a cluster lacks for models of organizations, and what a change of one waits for. */
export const words = createWords('models', {
  quota: {
    message: 'The quota of {organization} has no room: it would have {over}.',
    remedy: 'Ask for fewer GPUs or replicas, delete a model, or have the quota raised (MODELS_QUOTA_*).',
  },
  quota_models: { text: '{wanted:model} of {most}' },
  quota_gpus: { text: '{wanted:GPU} of {most} (gpu_count × max_replicas of all its models)' },
  quota_both: { text: '{models} and {gpus}' },
  fixed: { message: 'Cannot be changed: it is {value}.' },
  taken_object: { message: 'On the cluster there is an object named "{name}" already, made by something else.' },
  taken_model: { message: 'There is a model or object named "{name}" in {environment} already.' },
  taken_waiting: { message: 'There is a model named "{name}" that waits for approval already.' },
  lacking: { message: 'The cluster lacks {missing}, which models need.' },
  other_organization: {
    message: 'The token does not name the organization {asked}.',
    remedy: 'Use one of {organizations}.',
  },
  no_organization: {
    message: 'The token names no organization.',
    remedy: 'Ask an administrator to make you a member of a team.',
  },
  gpus_range: { message: 'min_gpus {least} is above max_gpus {most}.' },
  gpus_below: { message: 'gpu_count {count} is below min_gpus {least}.' },
  gpus_above: { message: 'gpu_count {count} is above max_gpus {most}.' },
  replicas_range: { message: 'min_replicas {least} is above max_replicas {most}.' },
  replicas_fixed: {
    message: 'Without enable_autoscaling there are always min_replicas ({least}): leave max_replicas out.',
  },
  waiting: {
    message: '{by} asked for change {change}, which nobody has approved yet: nothing of it is carried out.',
    remedy: 'Ask a reviewer, who finds it under Changes.',
  },
  approved: {
    message: '{by} approved change {change}, which is not applied yet.',
    remedy: 'Apply it within its maintenance window.',
  },
  corrected: {
    message: '{by} wants change {change} to be corrected before it is approved.',
    remedy: 'Amend it, or withdraw it and ask anew.',
  },
  rejected: {
    message: '{by} rejected change {change}: {notes}',
    remedy: 'Correct what was rejected and ask anew.',
  },
  operator_required: {
    message: '{name} is not installed: the cluster has no {crd}. {without}',
    remedy: 'Install {name}: nothing can be deployed before.',
  },
  operator: {
    message: '{name} is not installed: the cluster has no {crd}. {without}',
    remedy: 'Install {name} where you need it.',
  },
  without_aibrix: { text: 'Models cannot be scaled without it.' },
  'without_gpu-operator': { text: 'Nodes do not tell of their GPUs without it.' },
  without_kuberay: { text: 'A model that spans nodes needs it.' },
  'without_envoy-gateway': { text: "AIBrix's own gateway needs it; the platform's gateway does not." },
  'without_prometheus-operator': { text: 'Models have no ServiceMonitor without it.' },
  no_gpus: {
    message: 'No node of the cluster offers GPUs.',
    remedy: 'Add nodes with GPUs, or deploy with gpu_count 0.',
  },
});
