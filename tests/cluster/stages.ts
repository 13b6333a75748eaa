import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const plane = join(import.meta.dirname, 'plane');

/** What can go wrong with a pod here: by the name of its image, `llm-ops.test/vllm-crash:1`, or the annotation `llm-ops.test/fault`. */
export const faults = ['image-pull', 'crash', 'oom', 'not-ready', 'never-starts'] as const;
export type Fault = (typeof faults)[number];

/** An image whose pods have that fault. */
export const faultyImage = (runtime: 'vllm' | 'tgi' | 'custom', fault: Fault) => `llm-ops.test/${runtime}-${fault}:1`;

const annotation = `'.metadata.annotations["llm-ops.test/fault"]'`;
const image = `'.spec.containers.[].image'`;
const imagesOf = (named: readonly Fault[]) =>
  named.flatMap((fault) => (['vllm', 'tgi', 'custom'] as const).map((runtime) => faultyImage(runtime, fault)));
const list = (values: readonly string[]) => values.map((value) => `      - '${value}'`).join('\n');

const pending = `    - key: '.metadata.deletionTimestamp'
      operator: 'DoesNotExist'
    - key: '.status.phase'
      operator: 'In'
      values:
      - 'Pending'`;

/** A stage for a container that waits, whatever the container: one for the images, one for the annotation. */
function waiting(fault: Fault, container: string, { phase = 'Pending', event = '' } = {}): string[] {
  const status = `    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: Initialized
      - lastTransitionTime: {{ $now | Quote }}
        message: 'containers with unready status'
        reason: ContainersNotReady
        status: "False"
        type: Ready
      - lastTransitionTime: {{ $now | Quote }}
        reason: ContainersNotReady
        status: "False"
        type: ContainersReady
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
${container}
      {{ end }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      phase: ${phase}
      startTime: {{ $now | Quote }}`;
  const stage = (by: string, selector: string) => `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-${fault}-${by}
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
  selector:
    matchExpressions:
${pending}
    - key: '.spec.nodeName'
      operator: 'Exists'
    - key: '.status.containerStatuses'
      operator: 'DoesNotExist'
${selector}
  weight: 10000
  next:${event}
${status}
`;
  return [
    stage('image', `    - key: ${image}\n      operator: 'In'\n      values:\n${list(imagesOf([fault]))}`),
    stage('annotation', `    - key: ${annotation}\n      operator: 'In'\n      values:\n      - '${fault}'`),
  ];
}

/** As a kubelet tells it. */
const warning = (reason: string, message: string) => `
    event:
      type: Warning
      reason: ${reason}
      message: '${message}'`;

const crashed = (reason: string, exitCode: number) => `        restartCount: 4
        started: false
        state:
          waiting:
            reason: CrashLoopBackOff
            message: {{ printf "back-off 1m20s restarting failed container=%s" .name | Quote }}
        lastState:
          terminated:
            exitCode: ${exitCode}
            reason: ${reason}
            startedAt: {{ $now | Quote }}
            finishedAt: {{ $now | Quote }}`;

/** What the containers of all pods have written: there are none that write, so a file stands for them. */
export const logs = (file: string, previous: string) => `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata:
  name: containers
spec:
  logs:
  - containers: [serving, kserve-container]
    logsFile: ${file}
    previousLogsFile: ${previous}
    follow: true
`;

/** kwok's own stages as its module has them, made to leave pods with a fault alone, and a stage for each fault. */
export function stages(): string {
  const found = spawnSync('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kwok'], { cwd: plane, encoding: 'utf8' });
  if (found.status !== 0) throw new Error(`kwok's module is not there: ${found.stderr}`);
  const read = (name: string) => readFileSync(join(found.stdout.trim(), 'kustomize/stage', name), 'utf8');
  const healthy = read('pod/fast/pod-ready.yaml').replace(
    '    matchExpressions:\n',
    `    matchExpressions:
    - key: ${annotation}
      operator: 'DoesNotExist'
    - key: ${image}
      operator: 'NotIn'
      values:
${list(imagesOf(faults))}
`,
  );
  return [
    read('node/fast/node-initialize.yaml'),
    read('node/heartbeat-with-lease/node-heartbeat-with-lease.yaml'),
    healthy,
    read('pod/fast/pod-complete.yaml'),
    read('pod/fast/pod-delete.yaml'),
    ...waiting(
      'image-pull',
      `        restartCount: 0
        state:
          waiting:
            reason: ImagePullBackOff
            message: {{ printf "Back-off pulling image %q: ErrImagePull: not found" .image | Quote }}`,
      { event: warning('Failed', 'Error: ErrImagePull') },
    ),
    ...waiting('crash', crashed('Error', 1), { event: warning('BackOff', 'Back-off restarting failed container') }),
    ...waiting('oom', crashed('OOMKilled', 137)),
    ...waiting(
      'not-ready',
      `        restartCount: 0
        started: true
        state:
          running:
            startedAt: {{ $now | Quote }}`,
      { phase: 'Running' },
    ),
  ].join('---\n');
}
