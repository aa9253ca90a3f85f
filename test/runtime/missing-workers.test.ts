/** Workers that never start, start late, are forbidden or fail: nobody waits for a thread that is not known to run. */
import { EventEmitter, once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Session } from "../../src/nn/session.ts";
import { pause } from "../helpers/waiting.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

/** What the pool does with a worker; it says nothing of itself. */
class Silent extends EventEmitter {
  static made: Silent[] = [];
  constructor() {
    super();
    Silent.made.push(this);
  }
  postMessage(): void {}
  ref(): void {}
  unref(): void {}
  async terminate(): Promise<number> {
    return 1;
  }
}
/** Ends before it is there, as in a page that forbids workers. */
class Forbidden extends Silent {
  constructor() {
    super();
    setTimeout(() => this.emit("error", new Error("forbidden")));
  }
}
/** Cannot even be made, as where Node was not given the permission. */
class Refused extends Silent {
  constructor() {
    super();
    throw Object.assign(new Error("Access to this API has been restricted."), { code: "ERR_ACCESS_DENIED" });
  }
}
/** A real one that takes until it is told to start, as where its parent never turned; what it is told before waits. */
class Late extends Silent {
  private readonly early: object[] = [];
  private real: Worker | undefined;
  private readonly source: string;
  constructor(source: string) {
    super();
    this.source = source;
  }
  start(): void {
    this.real = new Worker(this.source, { eval: true });
    this.real.on("message", (message) => this.emit("message", message));
    this.real.unref();
    for (const message of this.early) this.real.postMessage(message);
  }
  override postMessage(message?: object): void {
    if (this.real === undefined) this.early.push(message as object);
    else this.real.postMessage(message);
  }
}

/** A fresh library, with no worker yet, that starts workers of this class. */
async function library(Kind: new (source: string) => object) {
  Silent.made = [];
  vi.resetModules();
  const original = process.getBuiltinModule;
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((id: string) =>
    id === "node:worker_threads" ? { Worker: Kind } : original.call(process, id)) as typeof original);
  return import("../../src/index.ts");
}
type Library = Awaited<ReturnType<typeof library>>;

const tokens = Int32Array.from({ length: 24 }, (_, k) => k % 11);
const model = ({ sequential, embedding, lstm, dense }: Library) =>
  sequential([embedding(11, 20), lstm(33, { returnSequences: true }), dense(11)], { seed: 1 });
const read = (session: Session, count = 12): number[][] =>
  Array.from({ length: count }, (_, k) => [...session.next((3 * k) % 11)]);
const train = async (given: Library, threads: number): Promise<number[]> => {
  const trainer = await given.createTrainer(model(given), { batch: 4, steps: 6, threads });
  return [await trainer.update(tokens, tokens), await trainer.update(tokens, tokens)];
};

describe.each([
  ["never start", Silent, 2],
  ["are forbidden", Forbidden, 2],
  ["are refused", Refused, 1],
])("workers that %s: one thread does all, to the same bits", (_, Kind, made) => {
  test("training, sessions and texts; others have their turn meanwhile, and no more workers are asked for", async () => {
    const given = await library(Kind);
    const { createSession, generateMany, languageModel } = given;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    expect(await train(given, 2)).toEqual(await train(given, 1));
    const before = turns;
    for (let k = 0; k < 5; k++) await train(given, 2);
    expect(turns).toBeGreaterThan(before);
    clearInterval(timer);
    const [one, two] = [
      await createSession(model(given), { threads: 1 }),
      await createSession(model(given), { threads: 2 }),
    ];
    expect(read(two)).toEqual(read(one));
    const lm = languageModel("the quick brown fox", { units: 16 });
    const write = async (threads: number): Promise<string> => {
      let text = "";
      for await (const piece of generateMany(lm, ["the", "fox"], { length: 8, threads })) text += piece.text;
      return text;
    };
    expect(await write(2)).toBe(await write(1));
    expect(Silent.made).toHaveLength(made);
  });
});

test("workers that start late take part from then on, and no bit changes", async () => {
  const given = await library(Late);
  const wanted = read(await given.createSession(model(given), { threads: 1 }), 60);
  const session = await given.createSession(model(given), { threads: 3 });
  const got = read(session, 20);
  const trainer = await given.createTrainer(model(given), { batch: 4, steps: 6, threads: 3 });
  const losses = [await trainer.update(tokens, tokens)];
  const told = vi.spyOn(Late.prototype, "postMessage");
  for (const worker of Silent.made as Late[]) worker.start();
  await Promise.all(Silent.made.map((worker) => once(worker, "message")));
  session.reset();
  expect([...got, ...read(session, 60)]).toEqual([...wanted.slice(0, 20), ...wanted]);
  losses.push(await trainer.update(tokens, tokens));
  expect(losses).toEqual(await train(given, 1));
  const run = told.mock.calls.filter(([message]) => (message as { kind: string }).kind === "run");
  expect(run).toHaveLength(3);
});

describe("a worker fails", () => {
  /** A plan of one step whose first and last tokens are read by different threads. */
  async function lookUps() {
    const [{ load }, { schedule }, { createBuilder }, { addModel }, given] = await Promise.all([
      import("../../src/runtime/program.ts"),
      import("../helpers/plans.ts"),
      import("../../src/graph/graph.ts"),
      import("../../src/nn/model-graph.ts"),
      import("../../src/index.ts"),
    ]);
    const g = createBuilder();
    const { output } = addModel(g, model(given), { training: false });
    const plan = schedule(g.graph({ output }), { steps: 1, batch: 8, keep: ["output"] });
    return { load: (threads: number) => load(plan, { threads }, { sync: true }), given };
  }

  test.each([
    ["the thread that leads", 0],
    ["the one that follows", 7],
  ])("%s traps in a step: it says so, and others go on", async (_, place) => {
    const { load, given } = await lookUps();
    const program = await load(2);
    const own = new Int32Array(8);
    for (let k = 0; k < 200; k++) {
      program.setIndex("tokens", own);
      program.runSync();
    }
    own[place] = 2 ** 24; // Beyond memory.
    program.setIndex("tokens", own);
    expect(() => program.runSync()).toThrow("internal: a thread failed: ");
    expect(() => program.runSync()).toThrow("What the program holds is lost; load it anew.");
    expect(await train(given, 2)).toEqual(await train(given, 1));
    const again = await load(2);
    again.setIndex("tokens", new Int32Array(8));
    again.runSync();
  });

  test("one that ends between two steps of a session: the session goes on, alone and then on new ones", async () => {
    const { given } = await lookUps();
    const made = vi.spyOn(Worker.prototype, "postMessage");
    const wanted = read(await given.createSession(model(given), { threads: 1 }), 90);
    const session = await given.createSession(model(given), { threads: 2 });
    const got = read(session, 30);
    const worker = made.mock.contexts[0] as Worker;
    await worker.terminate();
    await pause(1);
    session.reset();
    got.push(...read(session, 45));
    await pause(50);
    got.push(...Array.from({ length: 45 }, (_, k) => [...session.next((3 * (45 + k)) % 11)]));
    expect(got).toEqual([...wanted.slice(0, 30), ...wanted]);
  });
});
