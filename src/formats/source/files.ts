/** The text of a file around the statements of a plan: weights, states, and what reads a step, in C, JavaScript and TypeScript. */
import { countParameters, inputOf, type Model } from "../../nn/model.ts";
import { learnedStarts } from "../../nn/session.ts";
import type { Plan, Slot } from "../../schedule/plan.ts";
import { c, type Dialect, digitsOf, javaScript, typeScript } from "./dialects.ts";
import { placesOf, statementsOf } from "./statements.ts";

/** A model, its plan of one step, and how its file is to be. */
export type Parts = {
  readonly model: Model;
  readonly plan: Plan;
  readonly name: string;
  readonly symbols: readonly string[] | undefined;
  readonly typed: boolean;
};

/** The weights as the plan has them, one parameter behind the other. */
function weightsOf({ parameters, slabs }: Plan, { values }: Model): Float32Array {
  const weights = new Float32Array(slabs.numbers);
  for (const [name, { start }] of Object.entries(parameters)) weights.set(values[name] as Float32Array, start);
  return weights;
}

/** What is the same in all languages: statements, places in `memory`, and what starts from other numbers than zeros. */
function contentOf({ model, plan }: Parts, dialect: Dialect) {
  const { at, numbers } = placesOf(plan);
  const index = (address: number): number => at(address).index;
  const statements = plan.sections.flatMap((section) => statementsOf(plan, section, dialect));
  const states = Object.entries(plan.states).map(([name, { offset, last, size }]) => ({
    ...{ name, size },
    from: index(last),
    to: index(offset),
  }));
  const tokens = model.input === "tokens";
  const read = (tokens ? plan.indices : plan.inputs)[inputOf(model)] as Slot;
  const output = plan.outputs.output as Slot;
  const used = Object.entries(dialect.functions).filter(([name]) =>
    statements.some((line) => new RegExp(`\\b${name}\\(`).test(line)),
  );
  const about = `${model.layers.map((layer) => layer.name).join(", ")}: ${countParameters(model)} parameters, read one step at a time.`;
  return {
    ...{ numbers, statements, states, tokens, about },
    functions: used.map(([, text]) => text),
    starts: Object.entries(learnedStarts(model)),
    read: index(read.offset),
    inputs: tokens ? (model.inputs[0]?.count as number) : (model.input as number),
    output: index(output.offset),
    inWeights: at(output.offset).array === "weights",
    weights: weightsOf(plan, model),
  };
}

/** Texts side by side, in lines of at most 100 characters. */
function wrapped(texts: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const text of texts) {
    if (line.length + text.length > 100 && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${text}, `;
  }
  return [...lines, line.trimEnd()].join("\n");
}

export function cFile(parts: Parts): string {
  const { model, name, symbols } = parts;
  const { numbers, statements, states, tokens, about, functions, starts, read, inputs, output, weights } = contentOf(
    parts,
    c,
  );
  const big = name.toUpperCase();
  const floats = (values: Float32Array): string => wrapped([...values].map(c.number), "  ");
  const copy = (count: number, to: string, from: string): string =>
    `  for (int j = 0; j < ${count}; j++) memory[${to}j] = ${from}j];`;
  const place = (at: number): string => (at === 0 ? "" : `${at} + `);
  const learned = starts.map(([state, values], k) => ({
    k,
    values,
    to: (states.find((one) => one.name === state) as (typeof states)[number]).to,
  }));
  return `/* ${name}: ${about}
 * Made by Unrolled. C99; needs math.h alone, allocates nothing. A ${name} is one stream that is read: its memory is the caller's.
 */
#include <math.h>

#define ${big}_INPUTS ${inputs} /* ${tokens ? "tokens" : "numbers of a vector"} */
#define ${big}_OUTPUTS ${model.outputSize}
typedef struct { float memory[${numbers}]; } ${name};
${
  symbols === undefined
    ? ""
    : `\n/* What each output stands for, in UTF-8. */\nstatic const char *const ${name}_symbols[${big}_OUTPUTS] = {\n${wrapped(symbols.map(cText), "  ")}\n};\n`
}
static const float weights[${weights.length}] = {
${floats(weights)}
};
${learned.map(({ k, values }) => `static const float start${k}[${values.length}] = {\n${floats(values)}\n};\n`).join("")}
${functions.join("\n")}

/* Begin a new sequence. */
void ${name}_reset(${name} *stream) {
  float *const memory = stream->memory;
  for (int j = 0; j < ${numbers}; j++) memory[j] = 0.0f;
${learned.map(({ k, values, to }) => copy(values.length, place(to), `start${k}[`)).join("\n")}
}

/* Read ${tokens ? "one token" : `one vector of ${big}_INPUTS numbers`}; the ${big}_OUTPUTS numbers that are returned stand until the next step. */
const float *${name}_next(${name} *stream, ${tokens ? "int x" : "const float *x"}) {
  float *const memory = stream->memory;
${tokens ? `  memory[${read}] = (float)x;` : copy(inputs, place(read), "x[")}
${statements.map((line) => `  ${line}`).join("\n")}
${states.map(({ size, from, to }) => (from === to ? "" : copy(size, place(to), `memory[${place(from)}`))).join("\n")}
  return memory + ${output};
}
`.replace(/\n{3,}/g, "\n\n");
}

/** A text as C has it: what is not ASCII as octal bytes of its UTF-8. */
function cText(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  const plain = (byte: number): boolean =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f;
  const parts = bytes.map((byte) =>
    plain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`,
  );
  return `"${parts.join("")}"`;
}

export function scriptFile(parts: Parts): string {
  const { model, name, symbols, typed } = parts;
  const { numbers, statements, states, tokens, about, functions, starts, read, inputs, output, weights } = contentOf(
    parts,
    typed ? typeScript : javaScript,
  );
  const type = (text: string): string => (typed ? `: ${text}` : "");
  const bytes = base64(new Uint8Array(weights.buffer));
  const ofState = `Record<string, Float32Array>`;
  const learned = Object.fromEntries(
    starts.map(([state, values]) => [state, Array.from(values, digitsOf).map(Number)]),
  );
  return `/**
 * ${name}: ${about}
 * Made by Unrolled. It needs nothing else, and allocates nothing while it reads.
 */

/** The number of ${tokens ? "tokens" : "numbers of an input vector"}. */
export const inputs = ${inputs};
/** The number of numbers of an output. */
export const outputs = ${model.outputSize};
${symbols === undefined ? "" : `/** What each output stands for. */\nexport const symbols = ${JSON.stringify(symbols)};\n`}
const weights = numbers(
  "${bytes}",
);
/** Where each state is, and how many numbers it has. */
const states${type("Record<string, { at: number; size: number }>")} = ${JSON.stringify(
    Object.fromEntries(states.map(({ name: state, to, size }) => [state, { at: to, size }])),
  )};
/** What states start from that do not start from zeros. */
const starts${type("Record<string, number[]>")} = ${JSON.stringify(learned)};

function numbers(base64${type("string")})${type("Float32Array")} {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let j = 0; j < text.length; j++) bytes[j] = text.charCodeAt(j);
  return new Float32Array(bytes.buffer);
}
${functions.join("\n")}

/** One stream that is read. */
export function createModel() {
  const memory = new Float32Array(${numbers});
  const output = memory.subarray(${output}, ${output + model.outputSize});
  /** Begin a new sequence. */
  function reset()${type("void")} {
    memory.fill(0);
    for (const [name, values] of Object.entries(starts)) memory.set(values, states[name]${typed ? "!" : ""}.at);
  }
  /** A copy of the states, by name: \`restore\` takes it. */
  function state()${type(ofState)} {
    return Object.fromEntries(
      Object.entries(states).map(([name, { at, size }]) => [name, memory.slice(at, at + size)]),
    );
  }
  function restore(saved${type(ofState)})${type("void")} {
    for (const [name, { at }] of Object.entries(states)) memory.set(saved[name]${typed ? "!" : ""}, at);
  }
  /** Read ${tokens ? "one token" : `one vector of ${inputs} numbers`}; the array that is returned is overwritten by the next step. */
  function next(x${type(tokens ? "number" : "ArrayLike<number>")})${type("Float32Array")} {
    ${tokens ? `memory[${read}] = x;` : `memory.set(x, ${read});`}
${statements.map((line) => `    ${line}`).join("\n")}
${states
  .map(({ size, from, to }) => (from === to ? "" : `    memory.copyWithin(${to}, ${from}, ${from + size});`))
  .join("\n")}
    return output;
  }
  reset();
  return { next, reset, state, restore };
}
`.replace(/\n{3,}/g, "\n\n");
}

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3 * 8192) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + 3 * 8192))));
  }
  return parts.join("");
}
