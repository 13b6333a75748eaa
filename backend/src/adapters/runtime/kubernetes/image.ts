import type { PreflightCheck, RevisionSpec } from '#ports/runtime';
import { firstOf, green } from './checks.ts';
import { fitWords } from './sentences.ts';

/** What nodes say they hold; kubelets name the largest of them only, so that an image that is not named may be there. */
export interface NodeImages {
  metadata: { name: string };
  status?: { images?: { names?: string[] }[] };
}
/** How pods that there are came by their images. */
export interface PodImages {
  metadata: { name: string; namespace?: string };
  status?: {
    containerStatuses?: PulledImage[];
    initContainerStatuses?: PulledImage[];
  };
}
interface PulledImage {
  image?: string;
  state?: { running?: object; waiting?: { reason?: string; message?: string } };
}

const unpullable = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull']);

/** Docker Hub's short names in full, so that the same image is known by whatever name. */
export function fullImageName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const hosted = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const path = hosted ? image : rest.length === 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
  const last = path.slice(path.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? path : `${path}:latest`;
}

/** Whether the image can be had, where the cluster has shown it: no registry is asked. Pure. */
export function imageCheck(
  { image, imagePullPolicy }: Pick<RevisionSpec, 'image' | 'imagePullPolicy'>,
  nodes: readonly NodeImages[],
  pods: readonly PodImages[],
): PreflightCheck[] {
  const wanted = fullImageName(image);
  const isWanted = (name: string | undefined) => name !== undefined && fullImageName(name) === wanted;
  const holders = nodes.filter(({ status }) => status?.images?.some(({ names }) => names?.some(isWanted)));
  const seen = pods.flatMap((pod) =>
    [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
      .filter((container) => isWanted(container.image))
      .map((container) => ({ pod, state: container.state })),
  );
  const failing = seen.find(({ state }) => unpullable.has(state?.waiting?.reason ?? ''));
  const works = holders.length > 0 || seen.some(({ state }) => state?.running !== undefined);
  if (failing !== undefined) {
    const { metadata } = failing.pod;
    const why = failing.state?.waiting?.message ?? failing.state?.waiting?.reason ?? '';
    return [
      {
        name: 'image',
        level: works ? 'amber' : 'red',
        ...fitWords.tell(works ? 'image_elsewhere' : 'image_failing', {
          pod: `${metadata.namespace ?? 'default'}/${metadata.name}`,
          image,
          cause: why,
        }),
      },
    ];
  }
  if (holders.length > 0) {
    const named = holders.slice(0, 3).map(({ metadata }) => metadata.name);
    return [green('image', fitWords.tell('image_there', { nodes: firstOf(named, holders.length) }))];
  }
  if (works) return [green('image', fitWords.tell('image_runs'))];
  if (imagePullPolicy !== 'Never') return [];
  return [
    {
      name: 'image',
      level: 'amber',
      ...fitWords.tell('image_never', { image }),
    },
  ];
}
