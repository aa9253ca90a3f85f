/**
 * A kernel: a shader in WGSL, and how many workgroups run it. All share one buffer, the plan's memory, as 32-bit words: a number is its
 * bits, since what is read as f32 may lose the bits of an index. Knows nothing about plans.
 */
import type { Location } from "../../schedule/plan.ts";

/** What a kernel does, for people. */
export type Kind =
  | "elements"
  | "rows"
  | "parts of rows"
  | "sums of parts"
  | "sums of a matrix"
  | "product"
  | "outer product"
  | "product and pass in one"
  | "passes in one"
  | "all steps in one"
  | "turned weights"
  | "gather"
  | "rows of a scatter"
  | "scatter"
  | "accumulate"
  | "total"
  | "clear";
export type Kernel = {
  readonly kind: Kind;
  /** For messages and measurements. */
  readonly name: string;
  readonly code: string;
  readonly workgroups: readonly [number, number];
};
/** A kernel at a step of a time loop; 0 outside of them. `loop`: which of the section's loops it is part of. */
export type Dispatch = { readonly kernel: Kernel; readonly t: number; readonly loop?: number };

/** What a kernel is made of. */
type Parts = {
  readonly kind: Kind;
  readonly name: string;
  /** Invocations of a workgroup. */
  readonly size: number;
  /** How many workgroups there are. */
  readonly count: number;
  /** Declarations outside of the function, such as memory that a workgroup shares. */
  readonly shared?: string;
  /** Statements, in which `group` is the number of the workgroup and `lane` that of the invocation in it. */
  readonly body: string;
};

/** Workgroups in a row of the grid: a dimension may have 65,535. */
const gridColumns = 32768;

export function kernel({ kind, name, size, count, shared = "", body }: Parts): Kernel {
  const columns = Math.min(count, gridColumns);
  const rows = Math.ceil(count / columns);
  const beyond = rows * columns > count ? `if (group >= ${count}u) { return; }` : "";
  const code = `
@group(0) @binding(0) var<storage, read_write> memory: array<u32>;
// x: the step of the time loop; y: the bits of infinity; z: those of a NaN.
@group(0) @binding(1) var<uniform> given: vec4u;
fn number(at: u32) -> f32 { return bitcast<f32>(memory[at]); }
fn put(at: u32, value: f32) { memory[at] = bitcast<u32>(value); }
fn infinity() -> f32 { return bitcast<f32>(given.y); }
${shared}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = id.y * ${columns}u + id.x;
  ${beyond}
  ${body}
}`;
  return { kind, name, code, workgroups: [columns, rows] };
}

/**
 * The index of the first number of a row in memory, as an expression. `row`: the row's own.
 * @param time the step of the time loop, as an expression; undefined outside of one
 */
export function rowAt({ offset, stepBytes, rowBytes }: Location, row: string, time: string | undefined): string {
  const step = time !== undefined && stepBytes > 0 ? ` + (${time}) * ${stepBytes / 4}u` : "";
  return `(${offset / 4}u${step}${rowBytes > 0 ? ` + (${row}) * ${rowBytes / 4}u` : ""})`;
}

/** The number nearest to it in f32, as WGSL writes it. */
export function literal(value: number): string {
  if (Number.isNaN(value)) return "bitcast<f32>(given.z)";
  if (!Number.isFinite(Math.fround(value))) return value > 0 ? "infinity()" : "(-infinity())";
  const rounded = Math.fround(value);
  const text = `${Math.abs(rounded)}f`;
  return rounded < 0 || Object.is(rounded, -0) ? `(-${text})` : text;
}

/** Sum or largest of what each invocation of a workgroup has, in a fixed order, in all of them. `shared` declares `parts`. */
export const partsOf = (size: number): string => `var<workgroup> parts: array<f32, ${size}>;`;
export function combine(size: number, variable: string, by: (a: string, b: string) => string): string {
  return `
  parts[lane] = ${variable};
  workgroupBarrier();
  for (var half = ${size / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { parts[lane] = ${by("parts[lane]", "parts[lane + half]")}; }
    workgroupBarrier();
  }
  ${variable} = parts[0];
  workgroupBarrier();`;
}
export const plus = (a: string, b: string): string => `(${a} + ${b})`;
export const larger = (a: string, b: string): string => `max(${a}, ${b})`;
