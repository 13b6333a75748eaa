import { createWords } from '#platform/words';

/** What a cluster lacks for models of organizations. */
export const words = createWords('models', {
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
