import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the pods of the plane, which are simulated, would tell: each under `/metrics/{namespace}/{pod}`, as vLLM 0.15 writes it. */
export interface Exporter {
  port: number;
  /** moved by the drill: requests that wait for all pods together */
  waiting: number;
  /** percent, of all GPUs of the node that the GPU exporter stands for */
  gpus: { namespace: string; pod: string; utilisation: number }[];
  /** pods that were asked since, as `namespace/pod` */
  asked: Map<string, number>;
  close(): Promise<void>;
}

/** each time it is asked, so many more requests had their first token within 0.25 and 0.5 s */
const step = 20;
/** an engine for each rank of data parallelism, as vLLM tells them apart */
const engines = [0, 1];

export async function startExporter(): Promise<Exporter> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const pod = /^\/metrics\/(.+)$/.exec(request.url ?? '')?.[1] ?? '';
    asked.set(pod, (asked.get(pod) ?? 0) + 1);
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(pod.startsWith('monitoring/') ? gpuSeries(exporter) : vllmSeries(exporter, asked.get(pod)! * step));
  });
  const exporter: Exporter = {
    port: 0,
    waiting: 0,
    gpus: [],
    asked,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  exporter.port = (server.address() as AddressInfo).port;
  return exporter;
}

function vllmSeries({ waiting, asked }: Exporter, first: number): string {
  const pods = [...asked.keys()].filter((pod) => !pod.startsWith('monitoring/')).length;
  const lines = ['# TYPE vllm:num_requests_waiting gauge', '# TYPE vllm:time_to_first_token_seconds histogram'];
  for (const engine of engines) {
    const labels = `engine="${engine}",model_name="assistant"`;
    const bucket = (le: string, count: number) =>
      lines.push(`vllm:time_to_first_token_seconds_bucket{${labels},le="${le}"} ${count}`);
    lines.push(`vllm:num_requests_waiting{${labels}} ${waiting / Math.max(pods, 1) / engines.length}`);
    for (const le of ['0.1', '0.25']) bucket(le, 0);
    for (const le of ['0.5', '1.0', '+Inf']) bucket(le, first);
    lines.push(`vllm:time_to_first_token_seconds_count{${labels}} ${first}`);
    lines.push(`vllm:time_to_first_token_seconds_sum{${labels}} ${first * 0.4}`);
  }
  return `${lines.join('\n')}\n`;
}

/** As NVIDIA's exporter tells whose pod uses a GPU. */
function gpuSeries({ gpus }: Exporter): string {
  const lines = gpus.map(
    ({ namespace, pod, utilisation }, index) =>
      `DCGM_FI_DEV_GPU_UTIL{gpu="${index}",namespace="${namespace}",pod="${pod}",container="serving"} ${utilisation}`,
  );
  return `# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n${lines.join('\n')}\n`;
}
