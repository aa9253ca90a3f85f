/** Plans as kernels of a graphics card, by WebGPU. Knows nothing about cells, models or text. */
import { InputError } from "../../graph/input-error.ts";
import type { ParameterRun, Plan, Slot } from "../../schedule/plan.ts";
import type { Target } from "../../schedule/target.ts";
import type { Engine, Executable } from "../engine.ts";
import { allocateMemory, checkMemory } from "../memory-limit.ts";
import { checkAnswersAtOnce } from "../stepwise.ts";
import { type Gpu, givenBytes, gpu } from "./device.ts";
import { dispatchesOf } from "./dispatches.ts";
import { targetFor } from "./target.ts";

/** `GPUBufferUsage` and `GPUMapMode`, which Node does not have as globals. */
const usage = { mapRead: 1, copySource: 4, copyDestination: 8, uniform: 64, storage: 128 } as const;
const readMode = 1;

/** @throws InputError that says why there is none, and has this as its `cause`, to follow the engine's name */
export async function load(): Promise<Engine> {
  const { memoryBytes } = await gpu();
  const target = targetFor(memoryBytes);
  const engine: Engine = {
    name: target.name,
    target,
    answersLater: true,
    async load(plan, { fma }, { sync }) {
      if (sync) checkAnswersAtOnce(engine);
      if (fma === false) {
        const why = "a card's driver says whether a product and a sum are one instruction";
        throw new InputError(`engine "webgpu" does not take fma: false: ${why}. Use the engine "wasm".`);
      }
      return loaded(plan, await gpu(), target);
    },
  };
  return engine;
}

/** Words of memory, from an index on. */
type Range = { readonly start: number; readonly count: number };

/** Ranges in order; those that touch are one. */
function joined(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter(({ count }) => count > 0).sort((a, b) => a.start - b.start);
  const found: Range[] = [];
  for (const one of sorted) {
    const last = found.at(-1);
    if (last === undefined || one.start > last.start + last.count) {
      found.push(one);
      continue;
    }
    const end = Math.max(last.start + last.count, one.start + one.count);
    found[found.length - 1] = { start: last.start, count: end - last.start };
  }
  return found;
}

const rangeOf = ({ offset, rowBytes, rows, size }: Slot, from = offset): Range => ({
  start: from / 4,
  count: ((rows - 1) * rowBytes) / 4 + size,
});

async function loaded(
  plan: Plan,
  { device, layout, mostWeights, pipelineOf, check }: Gpu,
  target: Target,
): Promise<Executable> {
  const { sections, scratch } = dispatchesOf(plan, mostWeights);
  const bytes = 16 * Math.ceil(plan.bytes / 16) + 4 * Math.ceil(scratch / 4) * 4;
  checkMemory(bytes, "the program", target);
  const kernels = [...new Set(sections.flatMap((all) => all.map(({ kernel }) => kernel)))];
  const compiled = new Map(
    await Promise.all(kernels.map(async (kernel) => [kernel, await pipelineOf(kernel)] as const)),
  );
  const host = allocateMemory(plan.bytes, () => new Float32Array(Math.ceil(plan.bytes / 4)));
  const words = new Int32Array(host.buffer);
  const memory = await allocated(device, bytes);

  const steps = Math.max(1, ...sections.flatMap((all) => all.map(({ t }) => t + 1)));
  const given = device.createBuffer({ size: steps * givenBytes, usage: usage.uniform | usage.copyDestination });
  const numbers = new Uint32Array((steps * givenBytes) / 4);
  for (let t = 0; t < steps; t++) numbers.set([t, 0x7f80_0000, 0x7fc0_0000], (t * givenBytes) / 4);
  device.queue.writeBuffer(given, 0, numbers);
  const group = device.createBindGroup({
    layout,
    entries: [
      { binding: 0, resource: { buffer: memory } },
      { binding: 1, resource: { buffer: given, size: 16 } },
    ],
  });

  // What a run reads of the host, and what it leaves readable there.
  const { slabs } = plan;
  const starts = Object.values(plan.states).map((slot) => rangeOf(slot));
  const single = (address: number, count = 1): Range => ({ start: address / 4, count });
  const sent = joined([
    ...[...Object.values(plan.inputs), ...Object.values(plan.indices)].map((slot) => rangeOf(slot)),
    ...Object.values(plan.settings).map((at) => single(at)),
    ...starts,
    single(plan.keys, 2),
  ]);
  const results = joined([
    ...Object.values(plan.outputs).map((slot) => rangeOf(slot)),
    ...Object.values(plan.totals).map((at) => single(at)),
    ...Object.values(plan.states).flatMap((slot) => [rangeOf(slot), rangeOf(slot, slot.last)]),
  ]);
  const slab = (address: number | undefined): Range[] =>
    address === undefined ? [] : [single(address, slabs.numbers)];
  const fetched = joined([
    ...slab(slabs.parameters),
    ...slab(slabs.gradients),
    ...Object.values(plan.slots).flatMap(slab),
  ]);
  const countOf = (ranges: readonly Range[]): number => ranges.reduce((sum, { count }) => sum + count, 0);
  const staging = new Map<readonly Range[], GPUBuffer>();
  const stagingOf = (ranges: readonly Range[]): GPUBuffer => {
    const known =
      staging.get(ranges) ??
      device.createBuffer({ size: 4 * Math.max(1, countOf(ranges)), usage: usage.mapRead | usage.copyDestination });
    staging.set(ranges, known);
    return known;
  };

  const parameterOf = (name: string): ParameterRun => plan.parameters[name] as ParameterRun;
  /** Parameters that are kept, by number. */
  const copies = new Map<number, GPUBuffer>();
  /** Parameters and slots that the host has written. At first its memory and the device's are zeros. */
  let written: Range[] = [];

  const send = (ranges: readonly Range[]): void => {
    for (const { start, count } of ranges) device.queue.writeBuffer(memory, 4 * start, words, start, count);
  };
  /** The first words of a buffer, once what was submitted is done; until it is unmapped. */
  async function mapped(buffer: GPUBuffer, count: number): Promise<Int32Array<ArrayBuffer>> {
    try {
      await buffer.mapAsync(readMode, 0, 4 * count);
    } catch (error) {
      check();
      throw error;
    }
    return new Int32Array(buffer.getMappedRange(0, 4 * count));
  }
  /** Copy ranges to the host, behind what was submitted. */
  async function bring(ranges: readonly Range[], encoder = device.createCommandEncoder()): Promise<void> {
    const buffer = stagingOf(ranges);
    let at = 0;
    for (const { start, count } of ranges) {
      encoder.copyBufferToBuffer(memory, 4 * start, buffer, 4 * at, 4 * count);
      at += count;
    }
    device.queue.submit([encoder.finish()]);
    const brought = await mapped(buffer, at);
    at = 0;
    for (const { start, count } of ranges) {
      words.set(brought.subarray(at, at + count), start);
      at += count;
    }
    buffer.unmap();
    check();
  }

  return {
    threads: 1,
    bytes,
    numbers: (address, count) => host.subarray(address / 4, address / 4 + count),
    integers: (address, count) => words.subarray(address / 4, address / 4 + count),
    wrote(address, name) {
      const { start, room } = name === undefined ? { start: 0, room: slabs.numbers } : parameterOf(name);
      written.push({ start: address / 4 + start, count: room });
    },
    async run(_, section) {
      check();
      send(joined([...sent, ...written]));
      written = [];
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const { kernel, t } of section === undefined ? sections.flat() : (sections[section] ?? [])) {
        pass.setPipeline(compiled.get(kernel) as GPUComputePipeline);
        pass.setBindGroup(0, group, [t * givenBytes]);
        pass.dispatchWorkgroups(...kernel.workgroups);
      }
      pass.end();
      await bring(results, encoder);
    },
    runSync() {
      throw new Error("internal: the engine webgpu does not run at once");
    },
    advanceStates() {
      for (const { offset, last, rows, rowBytes } of Object.values(plan.states))
        host.copyWithin(offset / 4, last / 4, (last + rows * rowBytes) / 4);
    },
    fetch: () => bring(fetched),
    keepParameters(copy) {
      check();
      send(joined(written));
      written = [];
      const size = 4 * slabs.numbers;
      const to = copies.get(copy) ?? device.createBuffer({ size, usage: usage.copySource | usage.copyDestination });
      copies.set(copy, to);
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(memory, slabs.parameters, to, 0, size);
      device.queue.submit([encoder.finish()]);
    },
    async keptParameters(copy, into) {
      const encoder = device.createCommandEncoder();
      const buffer = stagingOf(fetched);
      encoder.copyBufferToBuffer(copies.get(copy) as GPUBuffer, 0, buffer, 0, 4 * slabs.numbers);
      device.queue.submit([encoder.finish()]);
      into.set(new Float32Array((await mapped(buffer, slabs.numbers)).buffer, 0, slabs.numbers));
      buffer.unmap();
    },
    dispose() {
      memory.destroy();
      given.destroy();
      for (const buffer of [...staging.values(), ...copies.values()]) buffer.destroy();
    },
  };
}

/** @throws InputError if the device has not so much memory */
async function allocated(device: GPUDevice, bytes: number): Promise<GPUBuffer> {
  device.pushErrorScope("validation");
  device.pushErrorScope("out-of-memory");
  const buffer = device.createBuffer({
    size: Math.max(16, bytes),
    usage: usage.storage | usage.copySource | usage.copyDestination,
  });
  const error = await device.popErrorScope();
  const fault = await device.popErrorScope();
  if (fault !== null) throw new Error(`internal: webgpu: ${fault.message}`);
  allocateMemory(bytes, () => {
    if (error !== null) throw new Error(error.message);
  });
  return buffer;
}
