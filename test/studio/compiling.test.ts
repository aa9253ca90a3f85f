/** What becomes of the Lab's text: how often it is read, what is known meanwhile, and where its mistake is. */
import { beforeEach, expect, test, vi } from "vitest";
import { cells } from "../../src/cells/index.ts";
import * as parsing from "../../src/graph/parse.ts";
import * as tokens from "../../src/graph/tokens.ts";
import { explaining, type Sizes } from "../../src/studio/engine/explaining.ts";
import type { jobs as allJobs } from "../../src/studio/engine/jobs.ts";
import type { Remote } from "../../src/studio/engine/remote.ts";
import { type Answers, compilingOf, createCompiler, type Question } from "../../src/studio/views/lab/compiling.ts";
import { wordsOf } from "../../src/studio/views/lab/words.ts";
import { connected } from "../helpers/remote-jobs.ts";

vi.mock("../../src/graph/parse.ts", async (original) => {
  const own = await original<typeof parsing>();
  return { ...own, parse: vi.fn(own.parse) };
});
vi.mock("../../src/graph/tokens.ts", async (original) => {
  const own = await original<typeof tokens>();
  return { ...own, tokenize: vi.fn(own.tokenize) };
});
const parse = vi.mocked(parsing.parse);
const tokenize = vi.mocked(tokens.tokenize);
beforeEach(() => {
  parse.mockClear();
  tokenize.mockClear();
});

const sizes: Sizes = { units: 8, input: 4, layers: 1, batch: 2, steps: 3 };
const questionOf = (text: string, own = sizes): Question => ({ key: JSON.stringify([text, own]), text, sizes: own });
/** How often equations of the reader's were parsed: layers have some of their own. */
const parsed = (): number => parse.mock.calls.filter(([{ text }]) => text.includes("h'")).length;
const right = "h' = tanh(W @ x + U @ h + b)";

/** A compiler in an engine of its own, with all that it told. */
function started() {
  const told: Answers[] = [];
  const asked: string[] = [];
  const engine = connected(explaining, (message) => {
    const { kind, args } = message as { kind: string; args?: readonly unknown[] };
    asked.push(args === undefined ? kind : String(args[0]));
  }) as unknown as Remote<typeof allJobs>;
  return {
    told,
    asked,
    engine,
    compiler: createCompiler(
      () => engine,
      (answers) => told.push(answers),
      0,
    ),
  };
}

test("a text is parsed once, whatever comes of it: first it is said to fit, then what was made of it", async () => {
  const { told, compiler } = started();
  const question = questionOf(right);
  await compiler.ask(question);
  expect(parsed()).toBe(1);
  expect(told.map((answers) => compilingOf(question.key, answers).phase)).toEqual(["compiling", "made"]);
  const { made } = compilingOf(question.key, told.at(-1) as Answers);
  expect(made?.compiled).toMatchObject({ firstLine: right, declared: [{ matrix: true }, { matrix: true }, {}] });
  await compiler.ask(questionOf(`${right} + sigmod(x)`));
  expect(parsed()).toBe(2);
});

test("as one types, each text that is read is parsed once; those between are passed over, and none but the last is compiled", async () => {
  const { told, asked, compiler } = started();
  await compiler.ask(questionOf(right));
  parse.mockClear();
  const typed = Array.from({ length: 30 }, (_, k) => `${right}  # ${"x".repeat(k)}`);
  const all = typed.map((text) => compiler.ask(questionOf(text)));
  await Promise.all(all);
  const read = asked.filter((message) => typed.includes(message));
  expect(parsed()).toBe(read.length);
  expect(read).toEqual([typed[0], typed.at(-1)]);
  expect(told.filter(({ done }) => done !== undefined && done.key !== questionOf(right).key)).toHaveLength(1);
  expect(compilingOf(questionOf(typed.at(-1) as string).key, told.at(-1) as Answers).phase).toBe("made");
});

test("while another text is read the last mistake stands, and what is not read yet is never said to be right", async () => {
  const { told, compiler } = started();
  const wrong = "z = sigmod(x)\nh' = z * h";
  await compiler.ask(questionOf(wrong));
  const [answers] = told as [Answers];
  expect(compilingOf(questionOf(wrong).key, answers)).toMatchObject({
    ...{ phase: "mistake", read: wrong, made: undefined },
    mistake: { message: 'unknown function "sigmod". Did you mean sigmoid?', from: 4, to: 10, line: 1 },
  });
  expect(compilingOf(questionOf(right).key, answers).phase).toBe("mistake");
  await compiler.ask(questionOf(right));
  expect(compilingOf(questionOf(wrong).key, told.at(-1) as Answers).phase).toBe("compiling");
  expect(compilingOf("nothing", {}).phase).toBe("compiling");
});

test("what fits no model of its sizes is a mistake at its place; sizes that no memory holds are a failure of their own", async () => {
  const { told, compiler } = started();
  const phase = async (text: string, own: Sizes) => {
    await compiler.ask(questionOf(text, own));
    return compilingOf(questionOf(text, own).key, told.at(-1) as Answers);
  };
  const sized = await phase("h' = x * h", { ...sizes, layers: 2 });
  expect([sized.phase, sized.mistake?.message]).toEqual([
    "mistake",
    expect.stringMatching(/^(Layer 1, w|W)ith 8 units/),
  ]);
  const large = await phase(right, { ...sizes, units: 20_000, input: 20_000 });
  expect([large.phase, large.problem]).toEqual(["failed", expect.stringMatching(/bytes/)]);
  expect((await phase(right, sizes)).phase).toBe("made");
});

test("an engine that dies is said to have failed, and the next question is answered by another", async () => {
  const { told, engine, asked } = started();
  const next = started();
  const engines = [engine, next.engine];
  const compiler = createCompiler(
    () => engines.shift() as Remote<typeof allJobs>,
    (answers) => told.push(answers),
    0,
  );
  const waiting = compiler.ask(questionOf(right));
  engine.fail(new Error("it died"));
  await waiting;
  expect(compilingOf(questionOf(right).key, told.at(-1) as Answers)).toMatchObject({
    phase: "failed",
    problem: "it died",
  });
  expect(asked).toContain(right);
  await compiler.ask(questionOf(right));
  expect(compilingOf(questionOf(right).key, told.at(-1) as Answers).phase).toBe("made");
});

test("words: of a text that is changed in one line that line alone is read again", () => {
  const { source } = cells.lstm as { source: string };
  const lines = source.split("\n");
  // A cell of the library is read when it is first looked at.
  tokenize.mockClear();
  const before = wordsOf(source);
  expect(tokenize.mock.calls.length).toBe(new Set(lines).size);
  tokenize.mockClear();
  expect(wordsOf(source)).toEqual(before);
  expect(tokenize).not.toHaveBeenCalled();
  const changed = [...lines.slice(0, 2), `${lines[2]} # more`, ...lines.slice(3)].join("\n");
  const after = wordsOf(changed);
  expect(tokenize).toHaveBeenCalledTimes(1);
  for (const { text, from, to, role } of after) {
    if (role !== "comment") expect(changed.slice(from, to)).toBe(text);
  }
  expect(
    wordsOf(`new = x\n${source}`)
      .slice(3)
      .map(({ from }) => from),
  ).toEqual(before.map(({ from }) => from + 8));
});
