/** One small GRU through every stage, as Markdown: the part of ARCHITECTURE.md that a test keeps true. */
import { gru } from "../../src/cells/index.ts";
import { Assembler } from "../../src/engines/native/assembler.ts";
import { Listing, printListing } from "../../src/engines/native/listing.ts";
import { Tiles } from "../../src/engines/native/matmul.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { emit, layOutModule } from "../../src/engines/wasm/emit.ts";
import { grad } from "../../src/grad/grad.ts";
import { addCell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { load } from "../../src/runtime/program.ts";
import { factsOf } from "../../src/schedule/facts.ts";
import { printPlan } from "../../src/schedule/print.ts";
import { randomValues } from "../helpers/networks.ts";
import { schedule } from "../helpers/plans.ts";

const sizes = { units: 2, input: 3 };
const run = { steps: 4, batch: 2 };

export async function walkthrough(): Promise<string> {
  const g = createBuilder();
  const x = g.input("x", sizes.input);
  const { output } = addCell(g, gru, { layer: "", units: sizes.units, inputs: { x } });
  const graph = g.graph({ output });
  const both = grad(graph, "output");
  const plan = schedule(both, { ...run, keep: ["output"] });
  const facts = factsOf(plan);

  const values = randomValues(both, run.steps, run.batch, 1);
  const reference = interpret(both, { ...run, ...values });
  const program = await load(plan, { fma: false });
  for (const [name, numbers] of Object.entries(values.inputs)) program.setInput(name, numbers);
  for (const [name, numbers] of Object.entries(values.parameters)) program.setParameter(name, numbers);
  program.setState("h", values.states.h as Float64Array);
  await program.run();
  const last = (run.steps - 1) * run.batch * sizes.units;
  const show = (numbers: ArrayLike<number>): string =>
    Array.from({ length: sizes.units }, (_, j) => (numbers[j] as number).toFixed(5)).join(" ");
  const inReference = [
    reference.value(output).subarray(last),
    (reference.gradients.U_g as Float64Array).subarray(0),
  ] as const;
  const inWasm = [program.output("output").subarray(last), program.gradient("U_g")] as const;

  const layout = layOutModule(plan, 1);
  const bytes = emit(plan, layout, { fma: false, threads: 1 });
  const packs = layout.packs.flat().length;
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => `\`${name}\``);
  const code = (text: string): string => `\`\`\`\n${text}\n\`\`\``;
  return [
    `The GRU of \`src/cells/gru.ts\` with ${sizes.units} units over ${sizes.input} features, ` +
      `${run.steps} time steps of ${run.batch} examples.`,
    "",
    "**1. Equations** (`src/cells`, read by `src/graph`): the text is the stored form.",
    "",
    code(gru.source),
    "",
    "**2. Graph** (`src/graph`): one time step as typed operations. **3. Gradient** (`src/grad`): the backward step " +
      "after it, in the same graph. `d h` is the state that carries the adjoint from step t + 1 to step t.",
    "",
    code(printGraph(both)),
    "",
    "**4. Reference** (`src/engines/reference/interpret.ts`): the graph run node by node in f64. With random numbers, " +
      "first example:",
    "",
    code(`h' after the last step   ${show(inReference[0])}\nfirst row of d U_g       ${show(inReference[1])}`),
    "",
    "**5. Plan** (`src/schedule`), for the target of WASM. *Hoist*: " +
      `${facts.hoisted.join(", ")} meet only the input, so they leave the time loop. *Merge*: ` +
      `${facts.merged.map((names) => `[${names.join(" ")}]`).join(" and ")} are one product each. *Fuse*: ` +
      `${factsOf(schedule(graph, { ...run, keep: ["output"] })).fused} pointwise passes stay in the forward loop, ` +
      "because the product with r * h stands between them.",
    "",
    code(printPlan(plan)),
    "",
    `Every byte has its place (${plan.bytes} in all):`,
    "",
    code(memoryOf(plan.memory)),
    "",
    `**6. Engine** (\`src/engines/wasm\`): the plan as one module of ${bytes.length} bytes, which exports ` +
      `${exported.join(" and ")}. Behind the plan's memory it lays out ${packs} blocks of parameters in panels, as its products ` +
      "read them.",
    "",
    "**7. Program** (`src/runtime`): the module with its memory. The same numbers as the reference's, in f32:",
    "",
    code(`h' after the last step   ${show(inWasm[0])}\nfirst row of d U_g       ${show(inWasm[1])}`),
  ].join("\n");
}

/** One tile of a product as machine code, as Markdown: another part of ARCHITECTURE.md that a test keeps true. */
export function tile(): string {
  const listing = new Listing();
  const a = new Assembler("avx512", listing);
  const tiles = new Tiles(a, { fma: true });
  const [rows, depth] = [2, 256];
  const operand = { strideA: 4 * (depth + 16), stepA: 4 };
  tiles.of({ rows, vectors: 2, depth, ...operand, stepB: 128, panelBytes: 0, strideC: 4 * 160, accumulate: false });
  tiles.assemble();
  a.finish();
  const [, , ...lines] = printListing(listing.lines).trimEnd().split("\n");
  return [
    `A tile of ${rows} rows by 32 columns with AVX-512 (a real one has up to 14 rows): two rows of A, ${depth} numbers each, times a panel ` +
      "of B. Its four sums stay in zmm0 to zmm3; r15 points to the program's memory.",
    "",
    `\`\`\`\n${lines.join("\n").trim()}\n\`\`\``,
  ].join("\n");
}

function memoryOf(regions: readonly { name: string; offset: number; bytes: number }[]): string {
  return regions
    .map(({ name, offset, bytes }) => `${String(offset).padStart(6)} ${String(bytes).padStart(6)}  ${name}`)
    .join("\n");
}
