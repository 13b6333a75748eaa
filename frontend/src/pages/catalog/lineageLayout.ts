import type { DataOf, catalogRoutes } from '@llm-ops/contracts';

export type Lineage = DataOf<(typeof catalogRoutes)['getModelLineage']>;
type Node = Lineage['nodes'][number];
type Edge = Lineage['edges'][number];

export interface PlacedNode extends Node {
  x: number;
  y: number;
}
export interface PlacedEdge extends Edge {
  /** an SVG path */
  path: string;
  labelX: number;
  labelY: number;
}
export const box = { width: 200, height: 52, gapX: 110, gapY: 28 };

/** Which end is drawn at the left: data and bases before what was made of them, endpoints last. */
function ends(edge: Edge, nodes: ReadonlyMap<string, Node>): [left: string, right: string] {
  const kind = (id: string) => nodes.get(id)?.kind;
  if (edge.relation === 'trained_on')
    return kind(edge.from) === 'dataset' ? [edge.from, edge.to] : [edge.to, edge.from];
  if (edge.relation === 'serves') return kind(edge.from) === 'endpoint' ? [edge.to, edge.from] : [edge.from, edge.to];
  return [edge.to, edge.from];
}

/** Columns from what it came from (left) to what runs on it (right), a column a step away from the model in focus. */
export function layoutLineage({ nodes, edges }: Lineage): {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  width: number;
  height: number;
} {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const links = edges
    .filter((edge) => byId.has(edge.from) && byId.has(edge.to))
    .map((edge) => ({ edge, ends: ends(edge, byId) }));
  const start = nodes.find((node) => node.focus) ?? nodes[0];
  const column = new Map<string, number>(start ? [[start.id, 0]] : []);
  const queue = start ? [start.id] : [];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const {
      edge,
      ends: [left, right],
    } of links) {
      const step = edge.relation === 'version_of' ? 0 : 1;
      const next = left === id ? right : right === id ? left : undefined;
      if (next === undefined || column.has(next)) continue;
      column.set(next, (column.get(id) ?? 0) + (next === right ? step : -step));
      queue.push(next);
    }
  }
  const least = Math.min(0, ...column.values());
  const columns = new Map<number, Node[]>();
  for (const node of nodes) {
    const at = (column.get(node.id) ?? 0) - least;
    columns.set(at, [...(columns.get(at) ?? []), node]);
  }
  const tallest = Math.max(1, ...[...columns.values()].map((list) => list.length));
  const rowHeight = box.height + box.gapY;
  const placed = [...columns].flatMap(([at, list]) =>
    list.map((node, row) => ({
      ...node,
      x: at * (box.width + box.gapX),
      y: ((tallest - list.length) / 2 + row) * rowHeight,
    })),
  );
  const place = new Map(placed.map((node) => [node.id, node]));
  const drawn = links.flatMap(({ edge, ends: [left, right] }) => {
    const a = place.get(left);
    const b = place.get(right);
    if (!a || !b) return [];
    const startX = a.x + box.width;
    const [y1, y2] = [a.y + box.height / 2, b.y + box.height / 2];
    if (a.x === b.x) {
      // behind the boxes between them
      const x = a.x + box.width / 2;
      const [upper, lower] = a.y < b.y ? [a, b] : [b, a];
      const labelY = upper.y + box.height + box.gapY / 2 + 9;
      return [{ ...edge, path: `M${x},${upper.y + box.height} L${x},${lower.y}`, labelX: x + 38, labelY }];
    }
    const middle = (startX + b.x) / 2;
    return [
      {
        ...edge,
        path: `M${startX},${y1} C${middle},${y1} ${middle},${y2} ${b.x},${y2}`,
        labelX: middle,
        labelY: (y1 + y2) / 2,
      },
    ];
  });
  const count = Math.max(1, ...[...columns.keys()].map((at) => at + 1));
  return {
    nodes: placed,
    edges: drawn,
    width: count * box.width + (count - 1) * box.gapX,
    height: tallest * rowHeight - box.gapY,
  };
}
