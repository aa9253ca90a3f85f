/**
 * Several texts side by side through one model, a token of each a step: each has a lane of the batch. What is in one lane
 * changes no bit of another. Knows nothing about text or sampling.
 */
import { checkReadsForward, type Model, modelGraph } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";

/** @throws InputError for a model that goes backwards, and for more lanes than fit into memory */
export async function createLanes(model: Model, count: number, options: LoadOptions = {}): Promise<Lanes> {
  checkReadsForward(model, "generate");
  const { graph } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps: 1, batch: count, keep: ["output"] }), options, { here: true });
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  return new Lanes(model, program, count);
}

/** Owns the program and, in it, what each lane remembers. */
export class Lanes {
  /** The token that each lane reads next: written from outside. */
  readonly tokens: Int32Array;
  /** The logits (V) of each lane after the last step. The next one overwrites them. */
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
  private readonly output: Float32Array<ArrayBuffer>;
  /** What lanes start a step from: rows of `size` numbers, `stride` from one to the next; and room to reorder them. */
  private readonly states: readonly {
    readonly view: Float32Array;
    readonly copy: Float32Array;
    readonly size: number;
    readonly stride: number;
  }[];
  private lastTurnMs = performance.now();

  constructor({ outputSize }: Model, program: Program, count: number) {
    this.program = program;
    this.tokens = new Int32Array(count);
    this.output = new Float32Array(count * outputSize);
    this.logits = Array.from({ length: count }, (_, lane) =>
      this.output.subarray(lane * outputSize, (lane + 1) * outputSize),
    );
    this.states = Object.values(program.plan.states).map(({ offset, rowBytes, size, rows }) => {
      const stride = rowBytes / 4;
      const view = program.floats(offset, (rows - 1) * stride + size);
      return { view, copy: new Float32Array(view.length), size, stride };
    });
  }

  /** Each lane reads its token. Now and then a page or a signal gets its turn. */
  async step(): Promise<void> {
    const { program } = this;
    program.setIndex("tokens", this.tokens);
    program.runHere();
    program.carry();
    program.output("output", this.output);
    if (performance.now() - this.lastTurnMs < 20) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.lastTurnMs = performance.now();
  }

  /** A lane forgets everything it has read. */
  reset(lane: number): void {
    for (const { view, size, stride } of this.states) view.fill(0, lane * stride, lane * stride + size);
  }

  /** Lane k goes on from what lane `from[k]` remembers. */
  reorder(from: readonly number[]): void {
    if (from.every((source, lane) => source === lane)) return;
    for (const { view, copy, size, stride } of this.states) {
      copy.set(view);
      for (const [lane, source] of from.entries()) {
        if (source !== lane) view.set(copy.subarray(source * stride, source * stride + size), lane * stride);
      }
    }
  }
}
