/** A model that reads one input at a time and keeps its state between them. Knows nothing about text or sampling. */
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import { type Model, modelGraph } from "./model.ts";

export async function createSession(model: Model, options: LoadOptions = {}): Promise<Session> {
  const { graph } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps: 1, batch: 1, keep: ["output"] }), { ...options, threads: 1 });
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  return new Session(model, program);
}

/** Owns the program and, in it, the state. Later changes of the model's values do not reach it. */
export class Session {
  private readonly model: Model;
  private readonly program: Program;

  constructor(model: Model, program: Program) {
    this.model = model;
    this.program = program;
  }

  /** Read one token, or one vector (D); gives the output (V) of this step. */
  next(input: number | ArrayLike<number>): Float32Array {
    if (this.model.input === "tokens") this.program.setIndex("tokens", [input as number]);
    else this.program.setInput("x", input as ArrayLike<number>);
    this.program.runHere();
    this.program.carry();
    return this.program.output("output");
  }
  /** Forget everything read so far. */
  reset(): void {
    this.program.resetStates();
  }
}
