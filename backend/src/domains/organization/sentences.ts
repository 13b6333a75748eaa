import { createWords } from '#platform/words';

/** What a cluster lacks for models of organizations, and what a change of one waits for. */
export const words = createWords('models', {
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
