/** Graph to graph: a part of one, what some of its values need, with others given from outside. */
import { type Graph, type Node, type NodeId, predecessors, type State } from "./graph.ts";

export type Part = {
  /** The values that are wanted, by name. */
  readonly outputs: Readonly<Record<string, NodeId>>;
  /** Values once per sequence that are not computed but given: each becomes the input of this name. */
  readonly given?: ReadonlyMap<NodeId, string>;
  /** Whether a state starts from what the outside sets, and not from its initial value. */
  readonly open?: (state: State) => boolean;
};

/** The nodes, states and parameters that the wanted values need; without the backward step. */
export function partOf(graph: Graph, { outputs, given = new Map(), open = () => false }: Part): Graph {
  const states = new Map(graph.states.map((state) => [state.name, open(state) ? withoutInitial(state) : state]));
  const needed = new Set<NodeId>();
  const queue = Object.values(outputs);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (needed.has(id)) continue;
    needed.add(id);
    if (!given.has(id)) queue.push(...predecessors(graph.nodes[id] as Node, states));
  }
  const place = new Map<NodeId, NodeId>([...needed].sort((a, b) => a - b).map((id, k) => [id, k]));
  const at = (id: NodeId): NodeId => place.get(id) as NodeId;
  const nodes = [...place.keys()].map((id): Node => {
    const node = graph.nodes[id] as Node;
    const name = given.get(id);
    if (name === undefined) return { ...node, inputs: node.inputs.map(at) };
    return { op: "input", inputs: [], shape: node.shape, name, perSequence: true };
  });
  const held = new Set(nodes.flatMap(({ op, name }) => (op === "state" || op === "final" ? [name] : [])));
  const used = new Set(nodes.flatMap(parametersOf));
  return {
    nodes,
    states: [...states.values()].flatMap((state) => {
      if (!held.has(state.name)) return [];
      const { initial } = state;
      return [{ ...state, next: at(state.next), ...(initial !== undefined && { initial: at(initial) }) }];
    }),
    parameters: graph.parameters.filter(({ name }) => used.has(name)),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, id]) => [name, at(id)])),
    forwardCount: nodes.length,
  };
}

const withoutInitial = ({ initial: _, ...state }: State): State => state;

function parametersOf(node: Node): readonly string[] {
  if ("parameter" in node) return [node.parameter];
  if ("view" in node) return [node.view.parameter];
  return "blocks" in node ? node.blocks.map(({ view }) => view.parameter) : [];
}
