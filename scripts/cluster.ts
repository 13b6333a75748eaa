import { startPlane } from '../tests/cluster/plane.ts';

/** A real Kubernetes control plane on this machine to look at: simulated GPU nodes, until Ctrl-C. The first time it is built for minutes. */
const plane = await startPlane();
const end = (): void => void plane.stop().then(() => process.exit(0));
process.on('SIGINT', end);
process.on('SIGTERM', end);
await plane.addNodes(4, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
await plane.addNodes(2, { prefix: 'cpu', gpus: 0 });
console.log(`
The control plane is ready at ${plane.server}, with 4 nodes of 8 GPUs and 2 without.

  export KUBECONFIG=${plane.kubeconfig}
  ${plane.folder}/kubectl get nodes

To serve on it: KUBECONFIG_PATH=${plane.kubeconfig} npm start
Pods are simulated: they become ready and answer nothing. SERVING_LOCAL_BASE_URL sends requests to a server of yours.
Ctrl-C ends it.`);
