/** A plan as text, small enough for a snapshot. */
import type { Graph, NodeId } from "../graph/graph.ts";
import { namesOf } from "./facts.ts";
import { nameOf } from "./layout.ts";
import type { AtOnce, Instruction, Loop, Pass, Plan, Product } from "./plan.ts";

/** The instructions in order, one per line. */
export function printPlan(plan: Plan): string {
  const lines: string[] = [];
  for (const section of plan.sections) {
    let outside = false;
    for (const instruction of section.instructions) {
      if (instruction.kind === "clear") continue;
      if (instruction.kind === "loop" || instruction.kind === "at_once") {
        lines.push(printTimes(instruction));
        const over = instruction.kind === "at_once" && instruction.steps > 1 ? "steps and examples" : "examples";
        for (const one of instruction.body) lines.push(`  ${printInstruction(one, section.graph, over)}`);
        outside = false;
        continue;
      }
      if (!outside) lines.push(section.steps === 1 ? "for the one step" : `for all ${section.steps} steps at once`);
      outside = true;
      lines.push(`  ${printInstruction(instruction, section.graph, "steps and examples")}`);
    }
  }
  return lines.join("\n");
}

/** When the body of an instruction runs. */
export function printTimes(instruction: Loop | AtOnce): string {
  const { steps } = instruction;
  if (instruction.kind === "loop")
    return instruction.reverse ? `for t = ${steps - 1} to 0` : `for t = 0 to ${steps - 1}`;
  return steps === 1 ? "once a sequence" : `for ${steps} steps at once`;
}

/** One that has no body, as a line. `over`: what the sinks are summed over. */
export function printInstruction(instruction: Instruction, graph: Graph, over: string): string {
  switch (instruction.kind) {
    case "product":
      return printProduct(instruction, graph);
    case "pass":
      return printPass(instruction, graph);
    case "outer": {
      const [rows, columns] = operands(graph, instruction.nodes[0] as NodeId);
      const names = instruction.names.map((name) => `d ${name}`).join(" ");
      const several = instruction.nodes.length > 1 ? ", ..." : "";
      return `product ${names} = ${rows}${several} times ${columns}, summed over ${over}`;
    }
    case "accumulate": {
      const node = graph.nodes[instruction.node];
      const name = node?.op === "accumulate" ? node.parameter : "";
      return `sum     d ${name} = ${operands(graph, instruction.node)[0]}, over ${over}`;
    }
    case "gather":
      return `gather  ${nameOf(graph, instruction.node)} by ${operands(graph, instruction.node)[0]}`;
    case "scatter":
      return `scatter ${operands(graph, instruction.node)[0]} by ${operands(graph, instruction.node)[1]}`;
    case "sum_all":
      return `sum     ${nameOf(graph, instruction.node)} = ${operands(graph, instruction.node)[0]}`;
    case "loop":
    case "at_once":
    case "clear":
      return instruction.kind;
  }
}

function printProduct(product: Product, graph: Graph): string {
  const { nodes, n, k, accumulate } = product;
  const names = namesOf(product);
  const [operand] = operands(graph, nodes[0] as NodeId);
  const many = names.length > 1 ? `  (merged: ${names.length} in one)` : "";
  return `product [${names.join(" ")}] @ ${operand}${accumulate ? ", added" : ""} : ${k} to ${n}${many}`;
}

function printPass({ compute, stores, reductions, size, columns }: Pass, graph: Graph): string {
  const made = [
    ...stores.map(({ value }) => nameOf(graph, value)),
    ...reductions.map(({ node, op }) => `${nameOf(graph, node)} = ${op}`),
  ];
  const features = columns === undefined ? `${size} features` : `${size / columns}x${columns} numbers`;
  return `pass    ${made.join(" ")} : ${features}, ${compute.length} operations fused`;
}

const operands = (graph: Graph, id: NodeId): string[] =>
  graph.nodes[id]?.inputs.map((input) => nameOf(graph, input)) ?? [];
