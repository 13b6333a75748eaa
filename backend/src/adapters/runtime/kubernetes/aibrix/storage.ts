import type { StorageClass } from '#ports/models';
import type { ClusterClient } from '../cluster/client.ts';

/** Provisioners of volumes that one node at a time can write to. */
const singleNode =
  /(^|[./-])(ebs|pd|disk|gce-pd|azure-disk|aws-ebs|local-path|local|hostpath|host-path|no-provisioner|cinder|rbd|blockvolume|vsphere-volume|topolvm|zfs)([./-]|$)/;
/** and of those that many can */
const manyNodes =
  /(^|[./-])(efs|nfs|nfs-subdir-external-provisioner|cephfs|filestore|azurefile|azure-file|file|fsx|glusterfs|longhorn|lustre|weka|juicefs|netapp|trident)([./-]|$)/;

/** Kubernetes does not tell which access modes a class can give; its provisioner's name mostly does. null: not known. Pure. */
export function isShared(provisioner: string): boolean | null {
  if (manyNodes.test(provisioner)) return true;
  return singleNode.test(provisioner) ? false : null;
}

interface ClassObject {
  metadata: { name: string; annotations?: Record<string, string> };
  provisioner: string;
}

export async function storageClassesOf(client: ClusterClient): Promise<StorageClass[]> {
  const { items } = await client.get<{ items: ClassObject[] }>('/apis/storage.k8s.io/v1/storageclasses');
  return items.map(({ metadata, provisioner }) => ({
    name: metadata.name,
    provisioner,
    default: metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    shared: isShared(provisioner),
  }));
}
