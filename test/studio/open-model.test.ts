/** Models that are open in the engine: how often their bytes are sent and parsed, what closes them, and what opens them anew. */
import { beforeEach, expect, test, vi } from "vitest";
import type { jobs as allJobs } from "../../src/studio/engine/jobs.ts";
import { openBounds, openModels } from "../../src/studio/engine/open-models.ts";
import { reading } from "../../src/studio/engine/reading.ts";
import type { Remote } from "../../src/studio/engine/remote.ts";
import { writing } from "../../src/studio/engine/writing.ts";
import { createOpenModels } from "../../src/studio/models/open-model.ts";
import * as tasks from "../../src/tasks/index.ts";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { connected } from "../helpers/remote-jobs.ts";

vi.mock("../../src/tasks/index.ts", async (original) => {
  const own = await original<typeof tasks>();
  return { ...own, openAnyModel: vi.fn(own.openAnyModel) };
});
const parse = vi.mocked(tasks.openAnyModel);
beforeEach(() => void parse.mockClear());

const text = "the rat that ate the malt that lay in the house";
const file = writeLanguageModel(languageModel(text, { units: 8, embedding: 4, seed: 1 }));

/** An engine, how often bytes went to it, and how often a model was asked for. */
function started() {
  const counts = { sent: 0, loaded: 0, closed: 0 };
  const start = () =>
    connected({ ...openModels, ...reading, ...writing }, (message) => {
      const { name, args = [] } = message as { name?: string; args?: readonly unknown[] };
      if (args.some((arg) => arg instanceof Uint8Array)) counts.sent++;
      if (name === "closeModel") counts.closed++;
    }) as unknown as Remote<typeof allJobs>;
  let engine = start();
  const open = createOpenModels(() => engine);
  const source = (id: string, bytes = file) => ({
    ...{ id, name: id },
    load: async () => {
      counts.loaded++;
      return bytes;
    },
  });
  return {
    ...{ counts, open, source },
    /** The engine dies; the next one is another. */
    restart(): void {
      engine.fail(new Error("it died"));
      engine = start();
    },
  };
}
const settings = { prompt: "the rat", temperature: 0, seed: 1 };

test("a whole reading, its questions, a prompt letter by letter and texts: bytes are sent once and parsed once", async () => {
  const { counts, open, source } = started();
  const { model, letGo } = open(source("one"));
  const one = await model;
  expect(one.facts).toMatchObject({ task: { kind: "text" }, layers: ["lstm", "dense"], text: { tokens: "char" } });
  expect(await openModels.madeOf(file, "one")).toMatchObject({ cell: "lstm", units: 8, layers: 1, dropout: 0 });
  const head = await one.ask("beginReading", text);
  let read = 0;
  for await (const piece of one.run("read", head.ids, [])) read += piece.bits.length;
  expect(read).toBe(text.length);
  for (let place = 1; place < 8; place++) await one.ask("saliency", head.ids.slice(0, place + 1));
  for (let end = 1; end <= text.length; end++) await one.ask("unknownTo", text.slice(0, end));
  for (let k = 0; k < 3; k++) {
    const job = one.run("write", settings);
    expect((await job.next()).done).toBe(false);
    await job.return(undefined);
  }
  expect([counts, parse.mock.calls.length]).toEqual([{ sent: 1, loaded: 1, closed: 0 }, 1]);
  letGo();
  letGo();
  expect(counts.closed).toBe(1);
});

test("several that want the same model share it; with the last of them it is closed, and who asks then is refused", async () => {
  const { counts, open, source } = started();
  const [a, b] = [open(source("one")), open(source("one"))];
  expect(await a.model).toBe(await b.model);
  a.letGo();
  expect(counts.closed).toBe(0);
  expect(await (await b.model).ask("unknownTo", "the Q")).toEqual(["Q"]);
  b.letGo();
  await expect((await b.model).ask("unknownTo", "x")).rejects.toMatchObject({ name: "ModelClosed" });
  expect(counts).toEqual({ sent: 1, loaded: 1, closed: 1 });
  const c = open(source("one"));
  expect(await (await c.model).ask("unknownTo", "Q")).toEqual(["Q"]);
  expect([counts.sent, parse.mock.calls.length]).toEqual([2, 2]);
  c.letGo();
});

test("a model that is let go while it is on its way is not sent", async () => {
  const { counts, open, source } = started();
  const { model, letGo } = open(source("one"));
  letGo();
  await expect(model).rejects.toThrow("The model was closed.");
  expect(counts.sent).toBe(0);
});

test("in an engine that was restarted a model is opened anew, once for all questions, and answers as before", async () => {
  const { counts, open, source, restart } = started();
  const { model, letGo } = open(source("one"));
  const one = await model;
  const written = async () => {
    const ids: number[] = [];
    for await (const piece of one.run("write", settings)) {
      ids.push(...piece.map(({ token }) => token));
      if (ids.length >= 10) break;
    }
    return ids.slice(0, 10);
  };
  const before = await written();
  const broken = one.run("write", settings);
  await broken.next();
  restart();
  await expect(broken.next()).rejects.toThrow("it died");
  await forgetAll();
  const answers = await Promise.all([
    one.ask("unknownTo", "Q"),
    one.ask("unknownTo", "X"),
    one.ask("beginReading", "rat"),
  ]);
  expect(answers.slice(0, 2)).toEqual([["Q"], ["X"]]);
  expect(await written()).toEqual(before);
  expect([counts.sent, parse.mock.calls.length]).toEqual([2, 2]);
  letGo();
});

test("of more models than fit, those that were not asked for the longest are closed, and come back when they are asked for", async () => {
  const { counts, open, source } = started();
  const held = Array.from({ length: openBounds.models + 1 }, (_, k) => open(source(`m${k}`)));
  const all = await Promise.all(held.map(({ model }) => model));
  expect(counts.sent).toBe(openBounds.models + 1);
  for (const one of all.slice(1)) await one.ask("unknownTo", "Q");
  expect(counts.sent).toBe(openBounds.models + 1);
  expect(await all[0]?.ask("unknownTo", "Q")).toEqual(["Q"]);
  expect(counts.sent).toBe(openBounds.models + 2);
  // It took the place of the second, while the last ones stay.
  await all.at(-1)?.ask("unknownTo", "Q");
  expect(counts.sent).toBe(openBounds.models + 2);
  await all[1]?.ask("unknownTo", "Q");
  expect(counts.sent).toBe(openBounds.models + 3);
  for (const { letGo } of held) letGo();
});

test("a file that is no model is refused in a line, and can be opened again", async () => {
  const { open, source } = started();
  const wrong = open(source("wrong", new TextEncoder().encode("<!doctype html>")));
  await expect(wrong.model).rejects.toThrow(/^wrong: /);
  wrong.letGo();
  const right = open(source("wrong"));
  expect((await right.model).facts.text?.vocabulary).toBeGreaterThan(5);
  right.letGo();
});

/** As a worker that begins. */
async function forgetAll(): Promise<void> {
  for (let handle = 0; handle < 100; handle++) await openModels.closeModel(handle);
}
