/** Groups to instructions with addresses and sizes. */
import { type Graph, type Node, type NodeId, viewed } from "../graph/graph.ts";
import { type MatrixReductionName, opClass, type ParameterView, type ReductionName } from "../graph/operations.ts";
import type { Group } from "./groups.ts";
import {
  everyNth,
  type Instruction,
  type Location,
  type Pass,
  type Precision,
  type Product,
  type Store,
  stepByStep,
  type WeightBlock,
} from "./plan.ts";
import { padded, type Target } from "./target.ts";
import { ownValues, type Task } from "./tasks.ts";

/** The largest depth of a product of 8 bits: its sums stay within 32 bits. */
const maxDepth = 2 ** 17;

/** The addresses of everything that instructions read and write, in bytes. */
export type Addresses = {
  readonly target: Target;
  readonly graph: Graph;
  readonly precision?: Precision | undefined;
  /** A value; one that the pass at hand computes itself is in `own`. */
  readonly locate: (id: NodeId, own?: ReadonlySet<NodeId>) => Location;
  /** Where the next value of a state goes, or what it starts from. */
  readonly placeOf: (state: string, which: "next" | "first") => Location;
  readonly parameter: (name: string) => { readonly offset: number; readonly shape: readonly number[] };
  /** The gradient of a parameter. */
  readonly gradient: (name: string) => number;
  /** A scratch matrix for outer products whose rows are not whole vectors. */
  readonly scratch: number;
  /** Where the sum of a scalar goes. */
  readonly total: (name: string) => number;
};

/**
 * Makes the instructions of groups, which must be given in the order of the plan. `cleared` then names the gradients that
 * must be set to zero first, because no instruction sets all of their numbers.
 */
export function createInstructions(at: Addresses) {
  const { graph, locate, precision } = at;
  const pad = (numbers: number): number => padded(at.target, numbers);
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const begun = new Set<string>();
  const cleared = new Set<string>();
  return { cleared, instructionsOf };

  /** Whether this instruction is the first to write a gradient and sets all of it (`whole`), so that it need not add. */
  function isFirst(parameter: string, whole: boolean): boolean {
    const first = !begun.has(parameter);
    begun.add(parameter);
    if (first && !whole) cleared.add(parameter);
    return first && whole;
  }

  function instructionsOf(group: Group): Instruction[] {
    if (group.kind === "pass") return [passOf(group)];
    if (group.kind === "product") return productsOf(group);
    if (group.kind === "outer") {
      const columns = locate(group.columns);
      const straight = group.columnCount === pad(group.columnCount);
      let row = 0;
      let count = 0;
      const blocks = group.rows.flatMap((rows, r) => {
        const made = (group.nodes[r] as NodeId[]).map((id) => {
          const { view } = node(id) as Node<"outer">;
          count += view.rows * view.columns;
          const width = at.parameter(view.parameter).shape[1] as number;
          return {
            row,
            rows: view.rows,
            columns: view.columns,
            gradient: at.gradient(view.parameter) + 4 * view.column,
            gradientRowBytes: 4 * width,
            first: isFirst(view.parameter, straight && view.columns === width),
          };
        });
        row += pad(node(rows).shape as number);
        return made;
      });
      const nodes = group.nodes.flat();
      return [
        {
          kind: "outer",
          names: nodes.map((id) => (node(id) as Node<"outer">).view.parameter),
          nodes,
          rows: locate(group.rows[0] as NodeId),
          rowCount: group.rowCount,
          columns,
          columnCount: group.columnCount,
          ...(!straight && { scratch: at.scratch }),
          blocks,
          precision,
          multiplyAdds: count,
        },
      ];
    }
    const n = node(group.node);
    const operand = locate(n.inputs[0] as NodeId);
    switch (n.op) {
      case "gather":
        return [
          {
            kind: "gather",
            node: group.node,
            table: at.parameter(n.parameter).offset,
            size: n.shape as number,
            index: operand,
            out: locate(group.node),
          },
        ];
      case "scatter":
        isFirst(n.parameter, false);
        return [
          {
            kind: "scatter",
            node: group.node,
            gradient: at.gradient(n.parameter),
            size: node(n.inputs[0] as NodeId).shape as number,
            index: locate(n.inputs[1] as NodeId),
            value: operand,
          },
        ];
      case "accumulate":
        return [
          {
            kind: "accumulate",
            node: group.node,
            value: operand,
            size: node(n.inputs[0] as NodeId).shape as number,
            gradient: at.gradient(n.parameter),
            first: isFirst(n.parameter, true),
          },
        ];
      case "sum_all":
        return [{ kind: "sum_all", node: group.node, value: operand, at: at.total(n.name as string) }];
      default:
        throw new Error(`internal: ${n.op} is not scheduled`);
    }
  }

  function passOf({ tasks, compute, loads }: Extract<Group, { kind: "pass" }>): Pass {
    const own = ownValues(tasks);
    const { size, columns } = tasks[0] as Task;
    const inRows = columns !== undefined;
    const stores = tasks.flatMap((task): Store[] => {
      if (task.kind !== "store") return [];
      const { value } = task;
      if (task.state !== undefined) {
        const place = at.placeOf(task.state, task.initial ? "first" : "next");
        return [{ value, at: place, exact: inRows, padding: inRows ? pad(size) - size : 0 }];
      }
      const n = node(task.node);
      const { op, shape } = n;
      const all = locate(task.node);
      const whole =
        n.op === "upsample"
          ? everyNth(all, n.by, task.step as number)
          : n.op === "stack"
            ? stepByStep(all, task.size)
            : all;
      const exact = op === "concat" || op === "stack" || inRows;
      // Behind a step of a stack come the next ones, so that what is behind the last of them stays.
      const last = op === "stack" || task.start + task.size === shape;
      const padding = exact && last ? pad(shape as number) - (shape as number) : 0;
      return [{ value, at: { ...whole, offset: whole.offset + 4 * task.start }, exact, padding }];
    });
    const reductions = tasks.flatMap((task) => {
      const n = node(task.node);
      if (task.kind !== "reduce" || opClass[n.op] !== "reduction") return [];
      const op = n.op as ReductionName | MatrixReductionName;
      return [{ node: task.node, op, value: task.value, at: locate(task.node) }];
    });
    const needsPlace = [...loads].filter((id) => node(id).op !== "constant" && node(id).op !== "runtime_scalar");
    return {
      kind: "pass",
      size: Math.max(1, size),
      ...(inRows && { columns }),
      compute,
      loads: new Map(needsPlace.map((id) => [id, locate(viewed(graph, id), own)])),
      stores,
      reductions,
    };
  }

  function productsOf({ nodes, blocks }: Group & { kind: "product" }): Product[] {
    const widths = nodes.map((id) => node(id).shape as number);
    const n = widths.reduce((total, width) => total + pad(width), 0);
    return blocks.map(({ operands, of }, position) => {
      const depths = operands.map((id) => node(id).shape as number);
      const k = operands.length === 1 ? (depths[0] as number) : depths.reduce((total, size) => total + pad(size), 0);
      const weights: WeightBlock[] = [];
      let atN = 0;
      of.forEach((row, r) => {
        let atK = 0;
        row.forEach(({ view, transposed }, c) => {
          weights.push(blockOf(view, transposed, atK, atN));
          atK += pad(depths[c] as number);
        });
        atN += pad(widths[r] as number);
      });
      const straight = operands.length === 1 && k <= maxDepth && !weights.some(({ transposed }) => transposed);
      return {
        kind: "product",
        nodes,
        operand: locate(operands[0] as NodeId),
        k,
        out: locate(nodes[0] as NodeId),
        n,
        weights,
        accumulate: position > 0,
        // Of 8 bits: the matrix itself, with one vector.
        precision: precision === "int8" && !straight ? undefined : precision,
        multiplyAdds: weights.reduce((count, { countK, countN }) => count + countK * countN, 0),
      };
    });
  }

  function blockOf(view: ParameterView, transposed: boolean, k: number, n: number): WeightBlock {
    const { offset, shape } = at.parameter(view.parameter);
    const [row, one] = [4 * (shape[1] as number), 4];
    return {
      parameter: view.parameter,
      transposed,
      source: offset + 4 * view.column,
      strideK: transposed ? row : one,
      strideN: transposed ? one : row,
      countK: transposed ? view.rows : view.columns,
      countN: transposed ? view.columns : view.rows,
      k,
      n,
    };
  }
}
