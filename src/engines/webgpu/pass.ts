/**
 * Makes kernels of a fused pass. Where each number depends on numbers at its own place alone, an invocation computes one; a row that is
 * summed up is a workgroup's, or several workgroups' if it is long. Knows nothing about devices.
 */
import type { Node, NodeId } from "../../graph/graph.ts";
import { type Location, neededFor, type Pass, type Plan, type Reduction, type Section } from "../../schedule/plan.ts";
import { combine, type Kernel, kernel, larger, literal, partsOf, plus, rowAt } from "./kernel.ts";
import { expressionOf, functions } from "./pointwise.ts";

/** Where and when an instruction runs. */
export type Context = {
  readonly plan: Plan;
  readonly section: Section;
  /** Rows of a step, or of all steps at once. */
  readonly rows: number;
  /** The step of the time loop, as an expression; undefined outside of one. */
  readonly time: string | undefined;
  /** The index in memory behind the plan, where kernels may leave what another of the same instruction reads. */
  readonly scratch: number;
};

const lanes = 256;

/** Values of a pass as variables of WGSL, `v` and the node's number. */
export type Values = {
  readonly isVector: (id: NodeId) => boolean;
  /** The variable, or a literal. */
  readonly of: (id: NodeId) => string;
  /** Statements that set those which are one number per row; `r` is the row. */
  readonly scalars: string;
  /** Statements that set vectors at the feature `j`, and what they depend on. */
  readonly vectors: (wanted: readonly NodeId[]) => string;
};

/** @param given expressions of loads that are not read from memory */
export function valuesOf(
  pass: Pass,
  { plan, section: { graph, batch }, time }: Context,
  given: ReadonlyMap<NodeId, string> = new Map(),
): Values {
  const { size, columns = size } = pass;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const isVector = (id: NodeId): boolean => typeof node(id).shape === "number";
  const of = (id: NodeId): string => {
    const one = node(id);
    return one.op === "constant" ? literal(one.value) : `v${id}`;
  };
  const place = {
    feature: "j",
    row: time === undefined ? "r" : `((${time}) * ${batch}u + r)`,
    example: time === undefined ? `(r % ${batch}u)` : "r",
    ...{ size, keys: plan.keys / 4 },
  };
  const compute = (id: NodeId): string => {
    const one = node(id);
    const [a, b] = one.inputs;
    const isLoaded = a !== undefined && pass.loads.has(a);
    const operands = {
      a: a === undefined ? "" : of(a),
      b: b === undefined ? "" : of(b),
      bits: isLoaded ? `u${a}` : "",
    };
    return `let v${id} = ${expressionOf(one, { ...place, ...operands })};`;
  };
  const load = (id: NodeId, location: Location): string => {
    const known = given.get(id);
    if (known !== undefined) return `let v${id} = ${known};`;
    const { op } = node(id);
    const within = op === "repeat_interleave" ? `j / ${columns}u` : op === "tile" ? `j % ${columns}u` : "j";
    const at = `${rowAt(location, "r", time)}${isVector(id) ? ` + ${within}` : ""}`;
    return `let u${id} = memory[${at}]; let v${id} = bitcast<f32>(u${id});`;
  };
  const used = new Set([...pass.compute.flatMap((id) => node(id).inputs), ...pass.stores.map(({ value }) => value)]);
  const settings = [...used].filter((id) => node(id).op === "runtime_scalar");
  const scalars = [
    ...settings.map((id) => {
      const { name } = node(id) as Node<"runtime_scalar">;
      return `let v${id} = number(${(plan.settings[name] as number) / 4}u);`;
    }),
    ...[...pass.loads].filter(([id]) => !isVector(id)).map(([id, location]) => load(id, location)),
    ...pass.compute.filter((id) => !isVector(id)).map(compute),
  ].join("\n  ");

  function vectors(wanted: readonly NodeId[]): string {
    const needed = neededFor(wanted, pass, graph);
    const isWanted = (id: NodeId): boolean => needed.has(id) && isVector(id);
    return [
      ...[...pass.loads].filter(([id]) => isWanted(id)).map(([id, location]) => load(id, location)),
      ...pass.compute.filter(isWanted).map(compute),
    ].join("\n  ");
  }
  return { isVector, of, scalars, vectors };
}

/** Statements that store vectors at the feature `j`, once they are computed. */
export function storesOf(pass: Pass, { isVector, of }: Values, time: string | undefined): string {
  const vectors = pass.stores.filter(({ value }) => isVector(value));
  return vectors.map(({ value, at }) => `put(${rowAt(at, "r", time)} + j, ${of(value)});`).join("\n  ");
}

/** Whether each number depends on numbers at its own place, and on what is one number per row and not changed. */
export function isElementwise(pass: Pass, { graph }: Section): boolean {
  const isVector = (id: NodeId): boolean => typeof (graph.nodes[id] as Node).shape === "number";
  const scalars = pass.stores.filter(({ value }) => !isVector(value)).length;
  return pass.reductions.length === 0 && (scalars === 0 || scalars === pass.stores.length);
}

const isOfMatrix = ({ op }: Reduction): boolean => op === "sum_rows" || op === "sum_columns";

/** The sums over rows or columns of a matrix, which are found apart and first, and the rest of a pass, if there is one. */
export function withoutMatrixSums(pass: Pass): {
  readonly sums: readonly Reduction[];
  readonly others: Pass | undefined;
} {
  const others = { ...pass, reductions: pass.reductions.filter((one) => !isOfMatrix(one)) };
  const isEmpty = others.stores.length + others.reductions.length === 0;
  return { sums: pass.reductions.filter(isOfMatrix), others: isEmpty ? undefined : others };
}

/** Its kernels, which run in order, and how many numbers of scratch memory they need. */
export function passKernels(
  pass: Pass,
  context: Context,
  name: string,
): { readonly kernels: readonly Kernel[]; readonly scratch: number } {
  const { sums, others } = withoutMatrixSums(pass);
  const ofMatrix = sums.map((one) => sumOfMatrix(pass, one, context, name));
  if (others === undefined) return { kernels: ofMatrix, scratch: 0 };
  if (isElementwise(others, context.section)) {
    return { kernels: [...ofMatrix, elements(others, context, name)], scratch: 0 };
  }
  const chunks = chunksOf(pass, context);
  if (chunks === 1) return { kernels: [...ofMatrix, byRows(others, context, name)], scratch: 0 };
  const own = inChunks(others, context, name, chunks);
  return { kernels: [...ofMatrix, ...own], scratch: others.reductions.length * context.rows * chunks };
}

/** How many workgroups share a row: few rows that are long have several. */
function chunksOf({ size, reductions }: Pass, { rows }: Context): number {
  const isShared = rows <= 4 && reductions.length > 0 && reductions.every(({ op }) => op !== "logsumexp");
  return isShared ? Math.max(1, Math.min(256, Math.floor(size / 4096))) : 1;
}

/** Statements of one number, at row `r` and feature `j`. */
export function elementCode(pass: Pass, context: Context, given?: ReadonlyMap<NodeId, string>): string {
  const values = valuesOf(pass, context, given);
  const vectors = pass.stores.filter(({ value }) => values.isVector(value));
  if (vectors.length === 0) return `${values.scalars}\n  ${scalarStores(pass, values, context)}`;
  return `${values.scalars}
  ${values.vectors(vectors.map(({ value }) => value))}
  ${storesOf(pass, values, context.time)}`;
}

/** How many numbers a row has for its invocations. */
export const widthOf = (pass: Pass, { graph }: Section): number =>
  pass.stores.some(({ value }) => typeof (graph.nodes[value] as Node).shape === "number") ? pass.size : 1;

function elements(pass: Pass, context: Context, name: string): Kernel {
  const width = widthOf(pass, context.section);
  const total = context.rows * width;
  const body = `let i = group * ${lanes}u + lane;
  if (i >= ${total}u) { return; }
  let r = i / ${width}u;
  let j = i % ${width}u;
  ${elementCode(pass, context)}`;
  return kernel({ kind: "elements", name, size: lanes, count: Math.ceil(total / lanes), shared: functions, body });
}

const scalarStores = (pass: Pass, { isVector, of }: Values, { time }: Context): string =>
  pass.stores
    .filter(({ value }) => !isVector(value))
    .map(({ value, at }) => `put(${rowAt(at, "r", time)}, ${of(value)});`)
    .join("\n  ");

/** Variables that reductions are gathered in, one number after the other, by all invocations of a workgroup. */
function gathering(pass: Pass, { of }: Values) {
  const each = pass.reductions.map((one, k) => ({ ...one, sum: `sum${k}`, most: `most${k}` }));
  const exponents = each.filter(({ op }) => op === "logsumexp");
  return {
    exponents,
    starts: [
      ...each.map(({ op, sum }) => `var ${sum} = ${op === "max_of" ? "-infinity()" : "0f"};`),
      ...exponents.map(({ most }) => `var ${most} = -infinity();`),
    ].join(" "),
    largest: exponents.map(({ value, most }) => `${most} = max(${most}, ${of(value)});`).join(" "),
    add: each
      .map(({ op, value, sum, most }) => {
        if (op === "max_of") return `${sum} = max(${sum}, ${of(value)});`;
        return `${sum} += ${op === "logsumexp" ? `exp(${of(value)} - ${most})` : of(value)};`;
      })
      .join(" "),
    combined: each.map(({ op, sum }) => combine(lanes, sum, op === "max_of" ? larger : plus)).join(""),
    combinedLargest: exponents.map(({ most }) => combine(lanes, most, larger)).join(""),
    results: each.map(({ op, sum, most, at }) => ({
      at,
      value: op === "logsumexp" ? `${most} + log(${sum})` : sum,
    })),
  };
}

const overFeatures = (size: number, body: string): string =>
  `for (var j = lane; j < ${size}u; j += ${lanes}u) {\n  ${body}\n  }`;

/** Statements of a workgroup for the row `r`. */
export function rowCode(pass: Pass, context: Context): string {
  const values = valuesOf(pass, context);
  const g = gathering(pass, values);
  const { time } = context;
  const stored = pass.stores.filter(({ value }) => values.isVector(value)).map(({ value }) => value);
  const first = overFeatures(pass.size, `${values.vectors(g.exponents.map(({ value }) => value))} ${g.largest}`);
  const main = `${values.vectors([...stored, ...pass.reductions.map(({ value }) => value)])}
  ${storesOf(pass, values, time)}
  ${g.add}`;
  return `${values.scalars}
  ${g.starts}
  ${g.exponents.length > 0 ? first + g.combinedLargest : ""}
  ${overFeatures(pass.size, main)}
  ${g.combined}
  // All have read what one may overwrite.
  workgroupBarrier();
  if (lane == 0u) {
  ${g.results.map(({ at, value }) => `put(${rowAt(at, "r", time)}, ${value});`).join("\n  ")}
  ${scalarStores(pass, values, context)}
  }`;
}

/** A workgroup for each row. */
function byRows(pass: Pass, context: Context, name: string): Kernel {
  const body = `let r = group;
  ${rowCode(pass, context)}`;
  return kernel({ kind: "rows", name, size: lanes, count: context.rows, shared: functions + partsOf(lanes), body });
}

/** Whether a workgroup for each row can do it. */
export const isByRows = (pass: Pass, context: Context): boolean =>
  !pass.reductions.some(isOfMatrix) && chunksOf(pass, context) === 1;

/** Passes one after the other, each of which reads of the others what lies in its own row: a workgroup for each row. */
export function passesKernel(passes: readonly Pass[], context: Context, name: string): Kernel {
  const code = passes.map((pass) => {
    if (!isElementwise(pass, context.section)) return rowCode(pass, context);
    const width = widthOf(pass, context.section);
    return `for (var j = lane; j < ${width}u; j += ${lanes}u) {\n  ${elementCode(pass, context)}\n  }`;
  });
  return kernel({
    ...{ kind: "passes in one", name, size: lanes, count: context.rows, shared: functions + partsOf(lanes) },
    body: `let r = group;
  {
  ${code.join("\n  }\n  storageBarrier();\n  {\n  ")}
  }`,
  });
}

/** Several workgroups for each row: the first kernel leaves what each has gathered, the second one brings it together. */
function inChunks(pass: Pass, context: Context, name: string, chunks: number): Kernel[] {
  const values = valuesOf(pass, context);
  const g = gathering(pass, values);
  const { time, rows, scratch } = context;
  const stored = pass.stores.filter(({ value }) => values.isVector(value)).map(({ value }) => value);
  const each = Math.ceil(pass.size / chunks);
  const left = (k: number, chunk: string): string => `${scratch + k * rows * chunks}u + r * ${chunks}u + ${chunk}`;
  const many = `let r = group / ${chunks}u;
  let chunk = group % ${chunks}u;
  ${values.scalars}
  ${g.starts}
  for (var j = chunk * ${each}u + lane; j < min((chunk + 1u) * ${each}u, ${pass.size}u); j += ${lanes}u) {
  ${values.vectors([...stored, ...pass.reductions.map(({ value }) => value)])}
  ${storesOf(pass, values, time)}
  ${g.add}
  }
  ${g.combined}
  if (lane == 0u) {
  ${pass.reductions.map((_, k) => `put(${left(k, "chunk")}, sum${k});`).join("\n  ")}
  }`;
  const one = `let r = group;
  ${values.scalars}
  ${g.starts}
  for (var chunk = lane; chunk < ${chunks}u; chunk += ${lanes}u) {
  ${pass.reductions
    .map(({ op }, k) => {
      const value = `number(${left(k, "chunk")})`;
      return `sum${k} = ${op === "max_of" ? larger(`sum${k}`, value) : plus(`sum${k}`, value)};`;
    })
    .join("\n  ")}
  }
  ${g.combined}
  if (lane == 0u) {
  ${g.results.map(({ at, value }) => `put(${rowAt(at, "r", time)}, ${value});`).join("\n  ")}
  ${scalarStores(pass, values, context)}
  }`;
  const shared = functions + partsOf(lanes);
  return [
    kernel({ kind: "parts of rows", name, size: lanes, count: rows * chunks, shared, body: many }),
    kernel({ kind: "sums of parts", name: `${name} (sums)`, size: lanes, count: rows, shared, body: one }),
  ];
}

/** How many sums of a matrix a row has, and the statements of the one with the number `to`. */
export function matrixSumCode(pass: Pass, { op, value, at }: Reduction, context: Context) {
  const values = valuesOf(pass, context);
  const { size, columns = size } = pass;
  const [results, over] = op === "sum_rows" ? [size / columns, columns] : [columns, size / columns];
  const code = `${values.scalars}
  var sum = 0f;
  for (var k = 0u; k < ${over}u; k++) {
  let j = ${op === "sum_rows" ? `to * ${columns}u + k` : `k * ${columns}u + to`};
  ${values.vectors([value])}
  sum += ${values.of(value)};
  }
  put(${rowAt(at, "r", context.time)} + to, sum);`;
  return { results, code };
}

/** The sums of a matrix's rows or columns: an invocation for each. */
function sumOfMatrix(pass: Pass, reduction: Reduction, context: Context, name: string): Kernel {
  const { results, code } = matrixSumCode(pass, reduction, context);
  const total = context.rows * results;
  const body = `let i = group * ${lanes}u + lane;
  if (i >= ${total}u) { return; }
  let r = i / ${results}u;
  let to = i % ${results}u;
  ${code}`;
  const count = Math.ceil(total / lanes);
  return kernel({ kind: "sums of a matrix", name, size: lanes, count, shared: functions, body });
}
