import { expect, test, vi } from "vitest";
import { lstm as lstmCell } from "../../src/cells/index.ts";
import { yieldNow, yieldToEventLoop } from "../../src/graph/yielding.ts";
import {
  beamSearch,
  createPredictor,
  dense,
  embedding,
  evaluate,
  evaluateLanguageModel,
  fit,
  fitStream,
  generate,
  inspectModel,
  languageModel,
  lstm,
  predict,
  saliency,
  sequential,
  trace,
} from "../../src/index.ts";

/** Until timers of 0 ms, which take 1, are due. */
function compute(): void {
  for (const begun = performance.now(); performance.now() < begun + 3; );
}

test("timers that are due have their turn before it resolves", async () => {
  const order: string[] = [];
  setTimeout(() => order.push("timer"), 0);
  compute();
  await yieldToEventLoop();
  order.push("loop");
  expect(order).toEqual(["timer", "loop"]);
});

test("a loop yields where nobody had a turn for too long, and not before", async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    timer = setTimeout(count, 0);
  };
  let timer = setTimeout(count, 0);
  for (let k = 0; k < 100; k++) {
    expect(yieldNow(Infinity)).toBeUndefined();
    await undefined;
  }
  expect(turns).toBe(0);
  for (let k = 1; k <= 5; k++) {
    compute();
    const turn = yieldNow(-1);
    expect(turn).toBeInstanceOf(Promise);
    await turn;
    expect(turns).toBeGreaterThanOrEqual(k);
  }
  clearTimeout(timer);
});

test("fake timers, as tests install them, stop no computation", async () => {
  vi.useFakeTimers();
  try {
    await yieldNow(-1);
  } finally {
    vi.useRealTimers();
  }
});

test("a clock that a test sets to tomorrow does not keep what comes after it from yielding", async () => {
  const clock = vi.spyOn(performance, "now").mockImplementation(() => 86_400_000);
  await yieldNow(-1);
  clock.mockRestore();
  compute();
  expect(yieldNow(-1)).toBeInstanceOf(Promise);
});

const [count, steps, vocabulary] = [64, 12, 5];
const x = Array.from({ length: count }, (_, n) => Array.from({ length: steps }, (_, t) => (n * t) % vocabulary));
const y = x.map((tokens) => (tokens[0] as number) % 2);
const classifier = sequential([embedding(vocabulary, 4), lstm(8), dense(2)], { seed: 1 });
const tagger = sequential([embedding(vocabulary, 4), lstm(8, { returnSequences: true }), dense(vocabulary)]);
const text = "abcab ".repeat(20);
const lm = languageModel(text, { units: 8 });
const drain = async (items: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of items);
};

type Host = { readonly engine: "auto" | "wasm"; readonly threads: 1 };
const predictors = {
  auto: await createPredictor(classifier, { batch: 1, steps, threads: 1 }),
  wasm: await createPredictor(classifier, { batch: 1, steps, threads: 1, engine: "wasm" }),
};
const calls: Readonly<Record<string, (host: Host) => Promise<unknown>>> = {
  fit: (host) => fit(classifier, x, y, { epochs: 1, ...host }),
  fitStream: (host) => fitStream(tagger, Int32Array.from(x.flat()), { batch: 4, steps: 8, epochs: 1, ...host }),
  evaluate: (host) => evaluate(classifier, x, y, host),
  evaluateLanguageModel: (host) => evaluateLanguageModel(lm, text, host),
  predict: (host) => predict(classifier, x, host),
  "a predictor": ({ engine }) => predictors[engine].predict(x[0] as number[]),
  generate: (host) => drain(generate(lm, { length: 2, ...host })),
  beamSearch: (host) => beamSearch(lm, { length: 2, beams: 2, ...host }),
  inspectModel: (host) => drain(inspectModel(tagger, [1, 2], host)),
  saliency: (host) => saliency(tagger, [1, 2, 3], host),
  trace: (host) => trace(lstmCell, [[1, 2]], { units: 2, ...host }),
};
for (const engine of ["auto", "wasm"] as const) {
  test.each(Object.entries(calls))(
    `short calls of %s, one after the other, let timers run: engine ${engine}`,
    async (_, call) => {
      await call({ engine, threads: 1 });
      await yieldToEventLoop();
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      for (let k = 0; turns === 0 && k < 20_000; k++) await call({ engine, threads: 1 });
      clearInterval(timer);
      expect(turns).toBeGreaterThan(0);
    },
  );
}
