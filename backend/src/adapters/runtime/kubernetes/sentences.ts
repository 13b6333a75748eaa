import { createWords } from '#platform/words';

/** Why something on a cluster does not serve, and what to do about it. */
export const words = createWords('cluster', {
  unreachable: {
    message: 'The Kubernetes API cannot be reached; what is shown is what was seen last.',
    remedy: 'See whether the cluster runs and KUBECONFIG_PATH is right; it is tried again by itself.',
  },
  no_node: { message: 'No node takes this pod.' },
  pod_failed: { message: 'The pod failed.', remedy: 'See the events and logs of the pod.' },
  image: {
    message: '{image} cannot be pulled.',
    remedy: 'Check the name and tag, and whether the cluster may pull it (IMAGE_PULL_SECRETS).',
  },
  the_image: { text: 'The image' },
  image_others: {
    remedy:
      'Check the name and tag, and whether the cluster may pull it (IMAGE_PULL_SECRETS); or redeploy with one of: {others}.',
  },
  memory: {
    message: 'Container {container} used more memory than its limit and was ended, {times} times so far.',
    remedy: 'Raise memoryLimit, or choose a smaller model, a shorter context or a quantised variant.',
  },
  crash: {
    message: 'Container {container} ended with exit code {code}, {restarts} restarts so far.',
    remedy:
      'Read its last lines under Logs; arguments that the image does not know and a missing model are the usual causes.',
  },
  crash_said: {
    message: 'Container {container} ended with exit code {code}, {restarts} restarts so far: {cause}.',
    remedy:
      'Read its last lines under Logs; arguments that the image does not know and a missing model are the usual causes.',
  },
  configuration: {
    message: 'Container {container} refers to a secret or config map that is not there.',
    remedy:
      'The platform makes the object store secret and config map of a namespace by itself: see whether it may (RBAC).',
  },
  not_ready: {
    message: 'Container {container} runs and does not answer its readiness probe yet.',
    remedy: 'Large models load for minutes. If it stays, compare the probe paths with what the image serves.',
  },
  node_lost: {
    message: 'Node {node} tells nothing any more: pod {pod} does not count as ready.',
    remedy:
      'See the node on the cluster page. If it stays away, the cluster starts the pod on another one, five minutes later as a rule; two replicas or more would serve on.',
  },
  quota: {
    remedy: 'Ask for less, remove another endpoint of this environment, or have the quota of the namespace raised.',
  },
  policy: { remedy: 'See the message of the cluster; a policy of the namespace may forbid these pods.' },
  deadline: {
    message: 'The rollout made no progress in its time.',
    remedy: 'See the other conditions for what holds it up; redeploy when that is mended.',
  },
  schedule_gpu: {
    text: 'Ask for no more GPUs (gpuCount) than one node has, wait until so many are free on one, or deploy with useGpu=false.',
  },
  schedule_cpu: { text: 'Lower cpuRequest.' },
  schedule_memory: { text: 'Lower memoryRequest.' },
  schedule_type: { text: 'Choose a gpuType that a node has, or leave it out.' },
  schedule_taint: { text: 'See which taints keep this namespace off the nodes.' },
  schedule_pods: { text: 'Add nodes.' },
  schedule_capacity: { text: 'See the capacity of the nodes.' },
  schedule: { remedy: '{steps}' },
  kserve: { remedy: 'See the InferenceService and the log of the KServe controller.' },
  monitoring: {
    message: 'The cluster has no {crd}: it has no ServiceMonitor, so Prometheus does not find its metrics by itself.',
    remedy: 'Install the Prometheus operator: the ServiceMonitor is then made by itself.',
  },
});

/** Whether something would run on a cluster, and what to change. */
export const fitWords = createWords('fit', {
  argument: { message: '{field}: {cause}', remedy: 'Correct it, or leave it out.' },
  names_more: { text: '{names} and {more} more' },
  nodes: { message: 'Fits on {nodes}.' },
  nodes_none: {
    message: 'None of {nodes} nodes has room for {cpu} CPU, {memory} of memory; most free GPUs on one: {most}.',
  },
  nodes_none_gpu: {
    message:
      'None of {nodes} nodes has room for {cpu} CPU, {memory} of memory and {gpus:GPU}; most free GPUs on one: {most}.',
  },
  nodes_none_gpu_type: {
    message:
      'None of {nodes} nodes has room for {cpu} CPU, {memory} of memory and {gpus:GPU} of type {type}; most free GPUs on one: {most}.',
  },
  change: { remedy: '{steps}' },
  fewer_gpus: { text: 'Ask for at most {most:GPU}.' },
  no_gpus: { text: 'Deploy with useGpu=false, or wait until GPUs are free.' },
  other_type: { text: 'Choose a gpuType that there is: {types}.' },
  no_type: { text: 'Leave gpuType out: no node here names one.' },
  less: { text: 'Lower the requests of CPU and memory.' },
  quota: {
    message: 'The quota {quota} leaves {left} of {resource}, and {asked} are asked for.',
    remedy: 'Ask for less, remove another endpoint of this environment, or have the quota raised.',
  },
  basis: { text: '{dtype} weights, {sequences} × {context} tokens of context' },
  basis_weights: {
    text: '{dtype} weights, {sequences} × {context} tokens of context; the KV cache is not in it: layers and heads are not known',
  },
  memory_unknown: {
    message: 'Needs about {needed} ({basis}); how much the GPUs have is not known.',
    remedy: 'Label the nodes with nvidia.com/gpu.memory (the GPU operator does).',
  },
  memory_gpus: { message: 'Needs about {needed} ({basis}) of {room} in {gpus:GPU}.' },
  memory_limit: { message: 'Needs about {needed} ({basis}) of {room} in the memory limit {limit}.' },
  memory_less: {
    remedy: 'Use more GPUs, a shorter contextLength, a quantised variant, or a higher memory limit.',
  },
  image_failing: {
    message: 'The pod {pod} cannot pull {image}: {cause}',
    remedy: 'Correct the name of the image, or let the cluster reach its registry (imagePullSecrets of the namespace).',
  },
  image_elsewhere: {
    message: 'The pod {pod} cannot pull {image}: {cause}',
    remedy: 'Other nodes have it: see what that node lacks, or the secret for the registry in that namespace.',
  },
  image_there: { message: 'Is on {nodes} already.' },
  image_runs: { message: 'Pods of this cluster run it already.' },
  image_never: {
    message: 'No node says that it has {image}, and imagePullPolicy is Never. Nodes name their largest images only.',
    remedy: 'Load the image on the nodes, or set imagePullPolicy to IfNotPresent.',
  },
  operator: { message: 'The cluster has no {crd}: {name} is not installed.', remedy: 'Install {name}.' },
  vram: {
    message: 'No node says that its GPUs have {asked} of memory; the most is {most}.',
    remedy: 'Lower requirements.gpu.min_vram, or add such a node.',
  },
  vram_unknown: {
    message: 'No node says that its GPUs have {asked} of memory; none says how much they have.',
    remedy:
      'The GPU operator labels nodes with nvidia.com/gpu.memory: see whether it runs, or leave requirements.gpu.min_vram out.',
  },
  storage_default: {
    message: 'The cluster has no default storage class; there are: {classes}.',
    remedy: 'Name one of them, or deploy without enable_pvc.',
  },
  storage_class: {
    message: 'The cluster has no storage class {name}; there are: {classes}.',
    remedy: 'Name one of them, or deploy without enable_pvc.',
  },
  none: { text: 'none' },
  storage_shared: {
    message: 'Several replicas share one volume (ReadWriteMany), which {name} ({provisioner}) cannot give.',
    remedy: 'Name a storage class of a shared file system, set max_replicas to 1, or deploy without enable_pvc.',
  },
});
