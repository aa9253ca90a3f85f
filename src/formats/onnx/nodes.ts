/** The nodes of a graph by what they give and read, for what an exporter wrote as several of them. Knows nothing of layers. */
import type { ReadGraph, ReadNode, ReadTensor } from "./decode.ts";

/** What finds nodes by the values between them. */
export type Nodes = {
  /** How many read what a node gives; the graph's outputs and the bodies within it count as one. */
  readonly used: (node: ReadNode) => number;
  readonly constantOf: (name: string | undefined) => ReadTensor | undefined;
  /** The node that gives a value, if it is this operator. */
  readonly only: (name: string | undefined, op: string) => ReadNode | undefined;
  /** The one node that reads what another gives, if it is this operator. */
  readonly reader: (of: ReadNode, op: string) => ReadNode | undefined;
  /** Whether it goes over the last axis, which stays. */
  readonly isOverLast: (node: ReadNode) => boolean;
};

export function nodesOf({ nodes, tensors, outputs }: ReadGraph): Nodes {
  const from = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const readers = new Map<string, ReadNode[]>();
  for (const node of nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  // What comes out, and what the bodies of loops and branches read.
  const out = new Set([...outputs.map(({ name }) => name), ...nodes.flatMap(readInside)]);
  const used = ({ outputs: [name = ""] }: ReadNode): number =>
    (readers.get(name)?.length ?? 0) + (out.has(name) ? 1 : 0);
  const constantOf = (name: string | undefined): ReadTensor | undefined =>
    name === undefined ? undefined : (tensors.get(name) ?? from.get(name)?.attributes.get("value")?.tensor);
  return {
    ...{ used, constantOf },
    only: (name, op) => {
      const node = name === undefined ? undefined : from.get(name);
      return node?.op === op ? node : undefined;
    },
    reader: (of, op) => {
      const [node] = readers.get(of.outputs[0] ?? "") ?? [];
      return used(of) === 1 && node?.op === op ? node : undefined;
    },
    isOverLast: ({ attributes, inputs }) => {
      const axes =
        attributes.get("axes")?.numbers ?? Array.from((constantOf(inputs[1])?.data ?? []) as ArrayLike<number>, Number);
      return axes.join() === "-1" && (attributes.get("keepdims")?.number ?? 1) === 1;
    },
  };
}

/** What a node's graphs read, of which some may lie outside. */
const readInside = ({ attributes }: ReadNode): readonly string[] =>
  [...attributes.values()].flatMap(({ graph: body }) =>
    body === undefined
      ? []
      : [
          ...body.outputs.map(({ name }) => name),
          ...body.nodes.flatMap((node) => [...node.inputs, ...readInside(node)]),
        ],
  );

/** Nodes in order, of which some are gone and others stand where the last of several did. */
export function replaced(
  nodes: readonly ReadNode[],
  gone: ReadonlySet<ReadNode>,
  inPlace: ReadonlyMap<ReadNode, ReadNode>,
): readonly ReadNode[] {
  return nodes.flatMap((node) => {
    const whole = inPlace.get(node);
    return whole !== undefined ? [whole] : gone.has(node) ? [] : [node];
  });
}
