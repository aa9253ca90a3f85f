/** A new task is a folder and a line of the registry: files, commands, the server and the studio know it then. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { evaluate } from "../../../src/cli/evaluate.ts";
import { exportModel } from "../../../src/cli/export.ts";
import { generate } from "../../../src/cli/generate.ts";
import { inspect } from "../../../src/cli/inspect.ts";
import { runCommand } from "../../../src/cli/run.ts";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { createServer } from "../../../src/server/app.ts";
import { ApiError } from "../../../src/server/errors.ts";
import { servingOfTask, type TaskPrograms } from "../../../src/server/served-tasks.ts";
import { openModels } from "../../../src/studio/engine/open-models.ts";
import { reading } from "../../../src/studio/engine/reading.ts";
import { openAnyModel, openByTask, registerTask } from "../../../src/tasks/index.ts";
import { type LanguageModel, readLanguageModel, writeLanguageModel } from "../../../src/tasks/language-model.ts";
import type { Task, TaskServing } from "../../../src/tasks/task.ts";
import { refusal } from "../../helpers/refusal.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";
import { pairs, serving, tiny } from "../../server/serving.ts";
import { createNextNumber, type NextNumber, nextNumberTask, trainNextNumber } from "./task.ts";

registerTask(nextNumberTask);

const series = Array.from({ length: 60 }, (_, k) => 100 + 50 * Math.sin(k / 2));
const waves = await trainNextNumber(series, 30);
const bytes = writeModel(nextNumberTask.write(waves));
const file = join(temporaryFolder(), "waves.safetensors");
writeFileSync(file, bytes);
const title = 'a model that continues a series of numbers (task "next_number")';

/** What a model says by itself. */
const { next, dispose } = await createNextNumber(waves);
const wanted = await next(series);
const wantedEarlier = await next(series.slice(0, 20));
dispose();

test("a model of another task is saved and loaded: the same values, the same next number", async () => {
  expect(Math.abs(wanted - (100 + 50 * Math.sin(30)))).toBeLessThan(10);
  const read = openByTask(bytes, "waves", "a test", { next_number: (content) => content });
  expect([read.scale, read.model.values]).toEqual([waves.scale, waves.model.values]);
  expect(writeModel(nextNumberTask.write(read))).toEqual(bytes);
  const again = await createNextNumber(read);
  expect(await again.next(series)).toBe(wanted);
  again.dispose();
});

test("a damaged one is refused by its own task, in one line", () => {
  const { model } = readModel(bytes, "waves");
  const without = writeModel({ model, extra: { task: { kind: "next_number" } } });
  expect(refusal(() => openAnyModel(without, "waves").content(), FormatError)).toBe(
    "waves: its scale is not a number. Train anew.",
  );
});

describe("commands", () => {
  test("that need text refuse it with what it is and what they take", async () => {
    for (const [command, ...more] of [[generate], [evaluate, file], [inspect, "--text", "a"]] as const) {
      await expect(runCommand(command, [file, ...more])).rejects.toThrow(
        `${file}: it is ${title}; \`${command.name}\` needs a model of task "text"`,
      );
    }
    expect(refusal(() => readLanguageModel(bytes, "waves"), FormatError)).toBe(
      'waves: its task is "next_number", and a language model\'s is "text".',
    );
  });

  test("that take any model take it: export keeps its task", async () => {
    const out = join(temporaryFolder(), "half.safetensors");
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await runCommand(exportModel, [file, out, "--dtype", "f16", "--json"]).finally(() => write.mockRestore());
    const read = openByTask(readFileSync(out), "half", "a test", { next_number: (content) => content });
    expect([read.scale, read.model.parameters]).toEqual([waves.scale, waves.model.parameters]);
    const [half, whole] = [read, waves].map(({ model }) => Object.values(model.values)[0] as Float32Array);
    expect(half).not.toEqual(whole);
    expect(half?.[0]).toBeCloseTo(whole?.[0] as number, 2);
  });
});

describe("a server", async () => {
  const here = await serving({}, { tiny, waves, pairs });
  const ask = async (path: string, body: object): Promise<[number, unknown]> => {
    const answer = await here.post(path, body);
    return [answer.status, await answer.json()];
  };
  const refused = (message: string, param: string | null) => [
    400,
    { error: { message, type: "invalid_request_error", param, code: null } },
  ];

  test("lists each model with its task", async () => {
    const { data } = (await (await here.get("/v1/models")).json()) as { data: { id: string; task: string }[] };
    expect(data.map(({ id, task }) => [id, task])).toEqual([
      ["tiny", "text"],
      ["waves", "next_number"],
      ["pairs", "text"],
    ]);
    expect(await (await here.get("/v1/models/waves")).json()).toMatchObject({ id: "waves", task: "next_number" });
  });

  test("answers by the task's own route what the model says by itself, and by those of text what they say", async () => {
    expect(await ask("/v1/next-numbers", { model: "waves", series })).toEqual([200, { next: wanted }]);
    const text = { prompt: "the c", max_tokens: 5, seed: 1 };
    expect(await ask("/v1/completions", { model: "tiny", ...text })).toMatchObject([200, { model: "tiny" }]);
    expect(here.lines.map(({ path, model, status }) => [path, model, status]).slice(-2)).toEqual([
      ["/v1/next-numbers", "waves", 200],
      ["/v1/completions", "tiny", 200],
    ]);
  });

  test("asked by many at once, each gets the answer to its own series", async () => {
    const all = Array.from({ length: 20 }, (_, k) => (k % 2 === 0 ? series : series.slice(0, 20)));
    const answers = await Promise.all(all.map((one) => ask("/v1/next-numbers", { model: "waves", series: one })));
    expect(answers).toEqual(all.map((_, k) => [200, { next: k % 2 === 0 ? wanted : wantedEarlier }]));
  });

  test("a route asked of a model of another task says what the model is, its routes, and which models the route has", async () => {
    const its = `model: "waves" is ${title}, whose routes are POST /v1/next-numbers`;
    const message = `${its}; this one is for models of the task "text". There are tiny, pairs.`;
    const model = "waves";
    for (const [path, body] of [
      ["/v1/completions", { prompt: "a" }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: "a" }] }],
      ["/tokenize", { prompt: "a" }],
      ["/detokenize", { tokens: [1] }],
      ["/v1/unrolled/inspect", { text: "a" }],
      ["/v1/unrolled/sessions", {}],
    ] as const) {
      expect(await ask(path, { model, ...body }), path).toEqual(refused(message, "model"));
    }
    const [status, answer] = await ask("/v1/next-numbers", { model: "tiny", series });
    expect([status, JSON.stringify(answer)]).toEqual([
      400,
      expect.stringContaining('a language model (task \\"text\\"'),
    ]);
    expect(JSON.stringify(answer)).toContain("POST /v1/completions");
    expect(JSON.stringify(answer)).toContain('this one is for models of the task \\"next_number\\". There are waves.');
  });

  test("checks a body by the task's schema, and tells the client what the task does not take", async () => {
    const short = await ask("/v1/next-numbers", { model: "waves", series: [1, 2] });
    expect(short).toEqual(refused("series: needs at least 4 numbers, got 2", "series"));
    expect(await ask("/v1/next-numbers", { model: "waves", series: "1 2" })).toMatchObject([
      400,
      { error: { param: "series" } },
    ]);
    expect(await ask("/v1/next-numbers", { series })).toEqual(
      refused("model: needs the name of a model, got nothing.", "model"),
    );
    expect((await here.get("/v1/next-numbers")).status).toBe(405);
  });

  test("a request waits no longer than its time for those before it, and more than may wait are refused", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: Task<NextNumber> = {
      ...nextNumberTask,
      serving: async () => ({
        routes: {},
        start: async () => ({ answers: { wait: () => held.then(() => ({})) }, dispose: () => {} }),
      }),
    };
    const { start } = servingOfTask(slow as Task, (await slow.serving?.()) as TaskServing<unknown>);
    const { answers, isIdle } = (await start(waves, { queue: 1 })) as TaskPrograms & { isIdle: () => boolean };
    const wait = answers.wait as TaskPrograms["answers"][string];
    const [first, second] = [new AbortController(), new AbortController()];
    const running = wait({}, first.signal);
    const waiting = wait({}, second.signal);
    await expect(wait({}, first.signal)).rejects.toMatchObject({ kind: "queue_full" });
    second.abort(new ApiError("timeout", "this took longer than 1 s."));
    await expect(waiting).rejects.toMatchObject({ kind: "overloaded" });
    first.abort(new ApiError("timeout", "this took longer than 1 s."));
    await expect(running).rejects.toMatchObject({ kind: "timeout" });
    expect(isIdle()).toBe(false);
    release();
    await expect.poll(isIdle).toBe(true);
    expect(await wait({}, new AbortController().signal)).toEqual({});
  });

  test("describes the task's routes beside its own", async () => {
    const { paths, components } = (await (await here.get("/openapi.json")).json()) as {
      paths: Record<string, { post: object }>;
      components: { schemas: Record<string, { required: string[] }> };
    };
    expect(paths["/v1/next-numbers"]?.post).toMatchObject({ operationId: "nextNumber" });
    expect(Object.keys(paths)).toContain("/v1/completions");
    expect(components.schemas.NextNumberRequest?.required).toEqual(["model", "series"]);
  });

  test("without a model of text serves the other all the same, and goes on with another one in its place", async () => {
    const server = await createServer({ waves });
    const request = (model: string) =>
      server.fetch(
        new Request("http://localhost/v1/next-numbers", {
          ...{ method: "POST", headers: { "Content-Type": "application/json" } },
          body: JSON.stringify({ model, series }),
        }),
      );
    expect(await (await request("waves")).json()).toEqual({ next: wanted });
    const [before] = [request("waves"), await server.replace({ others: waves, tiny })];
    expect(await (await before).json()).toEqual({ next: wanted });
    expect(await (await request("others")).json()).toEqual({ next: wanted });
    expect((await request("waves")).status).toBe(404);
    await server.close();
  });

  test("refuses what is of no task, and a task that no server serves", async () => {
    const wrong = { models: { a: { model: waves.model } } } as unknown as { models: Record<string, LanguageModel> };
    await expect(createServer(wrong.models)).rejects.toThrow(
      /^createServer: models: a must be a language model, as .* makes it, or .*a model that continues a series, as .*, got an object/,
    );
    const { serving: _, ...unserved } = nextNumberTask;
    const frozen = { expected: "something frozen", accepts: Object.isFrozen };
    registerTask({ ...unserved, kind: "silent", content: frozen } as unknown as Task<LanguageModel>);
    const content = Object.freeze({ model: waves.model }) as unknown as LanguageModel;
    await expect(createServer({ content })).rejects.toThrow(
      /^content: it is a model that continues a series of numbers \(task "silent"\); servers serve models of text, .*next_number\.$/,
    );
  });
});

test("the studio opens it with what it is, and questions about text are answered with that", async () => {
  const facts = await openModels.openModel(1, bytes, "waves");
  expect(facts).toEqual({
    task: { kind: "next_number", title: "a model that continues a series of numbers" },
    ...{ parameters: 8 * 4 * (1 + 8 + 1) + 9, layers: ["lstm", "dense"] },
  });
  expect(await openModels.modelFacts(bytes, "waves")).toEqual(facts);
  await expect(reading.unknownTo(1, "a")).rejects.toThrow(
    `waves: it is ${title}; this question needs a model of task "text".`,
  );
  await expect(openModels.madeOf(bytes, "waves")).rejects.toThrow(
    `waves: it is ${title}; the Lab needs a model of task "text".`,
  );
  await openModels.closeModel(1);
  const text = await openModels.openModel(2, writeLanguageModel(tiny), "tiny");
  expect(text).toMatchObject({ task: { kind: "text", title: "a language model" }, text: { tokens: "char" } });
  await openModels.closeModel(2);
});
