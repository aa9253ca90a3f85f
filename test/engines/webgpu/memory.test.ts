/**
 * Kernels in a memory that is full of other numbers: what a plan has no name for is large before each run, and what it does not write is
 * as it was behind it. FUZZ_CELLS=100 runs so many random cells, on SwiftShader; FUZZ_SEED names the first.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { gpu } from "../../../src/engines/webgpu/device.ts";
import { dispatchesOf } from "../../../src/engines/webgpu/dispatches.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { InputError } from "../../../src/graph/input-error.ts";
import { dense, embedding, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { compile, type Program } from "../../../src/runtime/program.ts";
import type { Plan } from "../../../src/schedule/plan.ts";
import { adam } from "../../../src/train/optimizers.ts";
import { createTrainer } from "../../../src/train/trainer.ts";
import { loadTraining, programError, results } from "../../helpers/engines.ts";
import { hasGpu, provideGpu, unlessNoGpu } from "../../helpers/gpu.ts";
import { randomValues, trainingGraph } from "../../helpers/networks.ts";
import { accesses } from "../../helpers/ownership.ts";
import { nearKink, randomTrainingGraph } from "../../helpers/random-cells.ts";

const host = { engine: "webgpu" } as const;
const bound = 1e-4;
const count = Number(process.env.FUZZ_CELLS ?? 1);
const firstSeed = Number(process.env.FUZZ_SEED ?? 1);

/** By number of the plan's memory: whether a value of the host or for the host lies there. */
function named(plan: Plan): Uint8Array {
  const found = new Uint8Array(plan.bytes / 4);
  const mark = (address: number | undefined, numbers: number): void => {
    if (address !== undefined) found.fill(1, address / 4, address / 4 + numbers);
  };
  const { slabs } = plan;
  for (const slab of [slabs.parameters, slabs.gradients, slabs.used, ...Object.values(plan.slots)])
    mark(slab, slabs.numbers);
  const slots = [plan.inputs, plan.outputs, plan.indices].flatMap((table) => Object.values(table));
  for (const { offset, rows, rowBytes } of slots) mark(offset, (rows * rowBytes) / 4);
  for (const { offset, last, rows, rowBytes } of Object.values(plan.states))
    for (const at of [offset, last]) mark(at, (rows * rowBytes) / 4);
  for (const address of [...Object.values(plan.settings), ...Object.values(plan.totals)]) mark(address, 1);
  mark(plan.keys, 2);
  return found;
}

/** By number: whether the plan writes it, and whether it reads it first, as the zeros that a backward pass starts from. */
function touchedBy(plan: Plan): { readonly written: Uint8Array; readonly readFirst: Uint8Array } {
  const [written, readFirst] = [new Uint8Array(plan.bytes / 4), new Uint8Array(plan.bytes / 4)];
  const read = (start: number, numbers: number): void => {
    for (let k = start; k < start + numbers; k++) if (written[k] === 0) readFirst[k] = 1;
  };
  const write = (start: number, numbers: number): void => void written.fill(1, start, start + numbers);
  for (const section of plan.sections) {
    const { perform } = accesses(plan, section, { read, write });
    for (const one of section.instructions) perform(one, section);
  }
  return { written, readFirst };
}

describe.skipIf(!hasGpu)(`webgpu's memory ${unlessNoGpu}`, () => {
  let memory: GPUBuffer | undefined;
  let device: GPUDevice;
  beforeAll(async () => {
    await provideGpu();
    ({ device } = await gpu());
    const create = device.createBuffer.bind(device);
    device.createBuffer = (how) => {
      const buffer = create(how);
      if (how.usage & 128) memory = buffer; // STORAGE
      return buffer;
    };
  });
  afterAll(async () => (await gpu()).device.destroy());

  const read = async (): Promise<Uint32Array> => {
    const { size } = memory as GPUBuffer;
    const to = device.createBuffer({ size, usage: 9 }); // MAP_READ | COPY_DST
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(memory as GPUBuffer, 0, to, 0, size);
    device.queue.submit([encoder.finish()]);
    await to.mapAsync(1);
    const copy = new Uint32Array(to.getMappedRange().slice(0));
    to.destroy();
    return copy;
  };

  /** Run it on numbers near `poison` wherever the plan has no name, and check what it does not write. Returns what it gives. */
  async function runOn(program: Program, poison: number, run: () => Promise<unknown>) {
    const { plan } = program;
    const isNamed = named(plan);
    const { written, readFirst } = touchedBy(plan);
    const before = await read();
    const numbers = new Float32Array(before.buffer);
    for (let k = 0; k < numbers.length; k++) if (isNamed[k] !== 1 && readFirst[k] !== 1) numbers[k] = poison * (1 + k);
    device.queue.writeBuffer(memory as GPUBuffer, 0, before as Uint32Array<ArrayBuffer>);
    await run();
    await program.fetch();
    const after = await read();
    const { scratch } = dispatchesOf(plan);
    const behind = Math.ceil(plan.bytes / 16) * 4;
    const wrong: number[] = [];
    for (let k = 0; k < before.length; k++) {
      const mayChange = k < behind ? written[k] === 1 || isNamed[k] === 1 : k < behind + scratch;
      if (!mayChange && before[k] !== after[k]) wrong.push(k);
    }
    expect(wrong).toEqual([]);
    return results(program);
  }

  async function check(graph: Graph, sizes: { readonly steps: number; readonly batch: number }, seed: number) {
    const values = randomValues(graph, sizes.steps, sizes.batch, seed, 0.3);
    const wanted = interpret(graph, { ...sizes, ...values });
    const program = await loadTraining(graph, sizes, values, host);
    await program.run(); // So that values are there.
    const first = await runOn(program, 2 ** 40, () => program.run());
    expect(await runOn(program, -(2 ** 60), () => program.run())).toEqual(first);
    const { error, where } = programError(program, graph, wanted);
    program.dispose();
    expect(error, where).toBeLessThan(bound);
    return { wanted, error };
  }

  test("gru: reads and writes what the plan says", async () => {
    const sizes = { units: 17, input: 5, steps: 3, batch: 3 };
    await check(trainingGraph(cells.gru, sizes), sizes, 3);
  });

  test("a program that the card has no memory for is refused in one line, with the card's words as the cause", async () => {
    const graph = trainingGraph(cells.lstm, { units: 40, input: 3 });
    const pop = device.popErrorScope.bind(device);
    vi.spyOn(device, "popErrorScope").mockImplementationOnce(async () => {
      await pop();
      return { message: "Out of memory" };
    });
    const error = await compile(graph, { steps: 6, batch: 5 }, host).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toMatch(/the program needs [\d,]+ bytes of memory, more than this machine gives\. Make it/);
    expect((error as Error).cause).toEqual(new Error("Out of memory"));
  });

  test("a device that refuses something says so once; other programs go on, and what is disposed of meanwhile is told", async () => {
    const sizes = { units: 17, input: 5, steps: 3, batch: 3 };
    const graph = trainingGraph(cells.gru, sizes);
    const program = await loadTraining(graph, sizes, randomValues(graph, 3, 3, 3, 0.3), host);
    device.createBuffer({ size: 16, usage: 1 | 64 }); // MAP_READ | UNIFORM, which no buffer may be.
    await device.queue.onSubmittedWorkDone();
    await expect(program.run()).rejects.toThrow(/^internal: webgpu: /);
    await program.run();
    const running = program.run();
    program.dispose();
    await expect(running).rejects.toThrow(/: used after dispose\(\)\. Create another one\.$/);
    await expect(compile(graph, sizes, { ...host, fma: false })).rejects.toThrow(
      'engine "webgpu" does not take fma: false',
    );
  });

  test("a training step with Adam, clipped: writes what the plan says, whatever lies around it", async () => {
    const train = async (poison: number | undefined) => {
      const layers = [embedding(19, 24), recurrent(cells.lstm, { units: 24, returnSequences: true }), dense(19)];
      const model = sequential(layers, { seed: 2 });
      const trainer = await createTrainer(model, { batch: 3, steps: 4, optimizer: adam(), clipNorm: 1, ...host });
      const random = createRandom(5);
      const tokens = Int32Array.from({ length: 15 }, () => random.integer(19));
      const update = () => trainer.update(tokens.subarray(0, 12), tokens.subarray(3), 0.01);
      await update();
      const left = poison === undefined ? await update() : await runOn(trainer.program, poison, update);
      const all = [...trainer.program.allParameters()];
      trainer.dispose();
      expect(left).toBeDefined();
      return all;
    };
    const wanted = await train(undefined);
    expect(await train(2 ** 40)).toEqual(wanted);
  });

  test(`random cells, ${count}: forward and all gradients within ${bound} of the reference interpreter, in such a memory`, async () => {
    const errors: number[] = [];
    for (let seed = firstSeed; errors.length < count; seed++) {
      const random = createRandom(seed);
      const pick = (list: readonly number[]): number => list[random.integer(list.length)] as number;
      const size = { units: pick([1, 5, 17]), input: pick([1, 4, 7]), steps: pick([1, 2, 5]), batch: pick([1, 3, 9]) };
      const shape = { seed, depth: 1 + random.integer(3), smooth: false, matrices: true };
      const { source, graph } = randomTrainingGraph(shape, size);
      const values = randomValues(graph, size.steps, size.batch, seed, 0.3);
      // f32 and f64 may fall on different sides of a kink.
      if (nearKink(graph, interpret(graph, { ...size, ...values }), 1e-5)) continue;
      const { error } = await check(graph, size, seed).catch((reason: Error) => {
        throw new Error(`seed ${seed}, ${JSON.stringify(size)}: ${reason.message}\n${source}`);
      });
      errors.push(error);
    }
    if (process.env.FUZZ_CELLS) console.log(`largest relative error of ${count}: ${Math.max(...errors)}`);
    expect(errors.length).toBe(count);
  }, 600_000);
});
