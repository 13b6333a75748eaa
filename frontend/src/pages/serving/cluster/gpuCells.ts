import type { ClusterNode } from '@llm-ops/contracts';

export interface GpuCell {
  name: string;
  /** what it says when pointed at */
  text: string;
  /** of its GPUs, 0 to 1: asked for by the platform, by others */
  ours: number;
  others: number;
  /** it takes no pods */
  closed: boolean;
}

/** A cell for each node with GPUs, grouped by the kind of GPU, the kinds in alphabetical order. */
export function gpuCells(
  nodes: readonly ClusterNode[],
  tell: (node: ClusterNode) => string,
): { type: string | null; cells: GpuCell[]; allocated: number; gpus: number }[] {
  const byType = new Map<string | null, ClusterNode[]>();
  for (const node of nodes) {
    if (node.gpus.capacity === 0) continue;
    const group = byType.get(node.gpuType);
    if (group === undefined) byType.set(node.gpuType, [node]);
    else group.push(node);
  }
  return [...byType]
    .toSorted(([a], [b]) => (a ?? '\uffff').localeCompare(b ?? '\uffff'))
    .map(([type, group]) => ({
      type,
      allocated: group.reduce((sum, { gpus }) => sum + gpus.allocated, 0),
      gpus: group.reduce((sum, { gpus }) => sum + gpus.capacity, 0),
      cells: group.map((node) => {
        const { allocated, ours, capacity } = node.gpus;
        const part = (count: number) => Math.min(1, Math.max(0, count / capacity));
        return {
          name: node.name,
          text: tell(node),
          ours: part(ours),
          others: part(allocated - ours),
          closed: !node.schedulable,
        };
      }),
    }));
}
