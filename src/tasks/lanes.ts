/**
 * Several texts side by side through one model, a token of each a step: each has a lane of the batch. What is in one lane
 * changes no bit of another, nor does the number of lanes. Knows nothing about text or sampling.
 */
import { checkReadsForward, type Model } from "../nn/model.ts";
import { learnedStarts, stepPlan } from "../nn/session.ts";
import { Disposable } from "../runtime/disposable.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";

/** @throws InputError for a model that goes backwards, and for more lanes than fit into memory */
export async function createLanes(model: Model, count: number, options: LoadOptions = {}): Promise<Lanes> {
  checkReadsForward(model, "generate");
  const program = await load(stepPlan(model, count), options, { here: true, owner: "lanes" });
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  return new Lanes(model, program, count);
}

/** What a lane remembers: the numbers of all states, one after the other. */
export type LaneState = Float32Array<ArrayBuffer>;

/** Owns the program and, in it, what each lane remembers, until it is disposed of. */
export class Lanes extends Disposable {
  readonly count: number;
  /** The token that each lane reads next: written from outside. */
  readonly tokens: Int32Array;
  /** The logits (V) of each lane after the last step. The next one overwrites them. */
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
  private readonly output: Float32Array<ArrayBuffer>;
  /**
   * What lanes start a step from: rows of `size` numbers, `stride` from one to the next; where a state's numbers lie among
   * those of all; and room to reorder the rows.
   */
  private readonly allStates: readonly {
    readonly view: Float32Array;
    readonly copy: Float32Array;
    readonly size: number;
    readonly stride: number;
    readonly at: number;
  }[];
  /** What a text begins with. */
  private readonly start: LaneState;

  constructor(model: Model, program: Program, count: number) {
    super();
    this.program = program;
    this.count = count;
    this.tokens = new Int32Array(count);
    this.output = new Float32Array(count * model.outputSize);
    this.logits = Array.from({ length: count }, (_, lane) =>
      this.output.subarray(lane * model.outputSize, (lane + 1) * model.outputSize),
    );
    let total = 0;
    this.allStates = Object.values(program.plan.states).map(({ offset, rowBytes, size, rows }) => {
      const stride = rowBytes / 4;
      const view = program.floats(offset, (rows - 1) * stride + size);
      const at = total;
      total += size;
      return { view, copy: new Float32Array(view.length), size, stride, at };
    });
    this.start = new Float32Array(total);
    const learned = learnedStarts(model);
    Object.keys(program.plan.states).forEach((name, k) => {
      this.start.set(learned[name] ?? [], this.states[k]?.at);
    });
    for (let lane = 0; lane < count; lane++) this.restore(lane);
  }

  dispose(): void {
    this.program.dispose();
  }
  /** @throws InputError once the program is disposed of */
  private get states(): typeof this.allStates {
    return this.program.instance && this.allStates;
  }

  /** Each lane reads its token. */
  step(): void {
    const { program } = this;
    program.setIndex("tokens", this.tokens);
    program.runHere();
    program.carry();
    program.output("output", this.output);
  }

  /** What a lane remembers, copied: for `restore`, in any lane of the same model. */
  state(lane: number): LaneState {
    const state = new Float32Array(this.start.length);
    for (const { view, size, stride, at } of this.states) {
      state.set(view.subarray(lane * stride, lane * stride + size), at);
    }
    return state;
  }

  /** What a lane remembered, by layer and name (`lstm.h`): views (H). Without it, what a text begins with. */
  named(state: LaneState = this.start): Record<string, Float32Array> {
    const names = Object.keys(this.program.plan.states);
    return Object.fromEntries(this.states.map(({ at, size }, k) => [names[k], state.subarray(at, at + size)]));
  }

  /** A lane goes on from what one remembered; without it, it forgets everything it has read. */
  restore(lane: number, state: LaneState = this.start): void {
    for (const { view, size, stride, at } of this.states) view.set(state.subarray(at, at + size), lane * stride);
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
