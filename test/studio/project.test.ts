/** The Lab's work as one file: what was put in comes out, and what is wrong is said in a line. */
import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { createRandom } from "../../src/nn/random.ts";
import { type Project, readProject, writeProject } from "../../src/studio/views/lab/project.ts";
import { standardForm } from "../../src/studio/views/lab/settings.ts";

const training: Project["runs"][number]["training"] = {
  facts: { cell: "lstm", units: 8, text: { kind: "task", task: "sums" }, loss: 0.25 },
  losses: [
    { step: 1, loss: 2, validationLoss: null, elapsedMs: 3 },
    { step: 2, loss: 1, validationLoss: 1.5, elapsedMs: 6 },
  ],
};
const project: Project = {
  cell: "h' = tanh(W @ x + größer * h)\nk = ",
  form: {
    ...{ ...standardForm, units: "0,5", tokens: "word", name: "é" },
    ...{ optimizer: "asgd", schedule: "inverseTimeDecay", decaySteps: "9", decayRate: "0.1", clipNorm: "0.3" },
  },
  source: { kind: "file", name: "a.txt", text: "line\nother 😀" },
  runs: [
    { name: "one", training, file: Uint8Array.of(1, 2, 3) },
    { name: "two", training, file: Uint8Array.of() },
  ],
};

test("a project comes out as it went in, whatever its text is", () => {
  expect(readProject(writeProject(project), "p")).toEqual(project);
  const sources = [{ kind: "book" }, { kind: "task", task: "sums" }, { kind: "pasted", text: "" }] as const;
  for (const source of sources) {
    const one = { ...project, source, runs: [] };
    expect(readProject(writeProject(one), "p")).toEqual(one);
  }
});

test("a pasted text that is too long to be changed by hand is opened as a file's", () => {
  const opened = (text: string) =>
    readProject(writeProject({ ...project, source: { kind: "pasted", text }, runs: [] }), "p").source;
  const most = "a b\n".repeat(25_000);
  expect(opened(most)).toEqual({ kind: "pasted", text: most });
  expect(opened(`${most}c`)).toEqual({ kind: "file", name: "pasted text", text: `${most}c` });
  const much = most.repeat(240);
  expect(opened(much)).toEqual({ kind: "file", name: "pasted text", text: much });
  expect(() => opened(most.repeat(321))).toThrow("the text of the project is damaged");
});

/** The project with one part of its description changed. */
function changed(change: Readonly<Record<string, unknown>>): Uint8Array {
  const { tensors, metadata } = readSafetensors(writeProject(project));
  const told = { ...JSON.parse(metadata?.project as string), ...change };
  return writeSafetensors({ tensors, metadata: { ...metadata, project: JSON.stringify(told) } });
}

test.each([
  [{ cell: 3 }, "the cell"],
  [{ cell: "x".repeat(100_001) }, "the cell"],
  [{ form: [] }, "the form with the settings"],
  [{ source: { kind: "web", text: "" } }, "the text"],
  [{ source: { kind: "task", task: "toString" } }, "the text"],
  [{ source: { kind: "file", text: "no name" } }, "the text"],
  [{ runs: {} }, "the list of runs"],
  [{ runs: [{ name: "one" }] }, "run 1"],
  [{ runs: [{ name: "one", training: { facts: [], losses: [] } }] }, "run 1"],
  [{ runs: [{ name: "one", training: { facts: { units: "8" }, losses: [] } }] }, "run 1"],
  [{ runs: [{ name: "one", training: { facts: { text: { kind: "task", task: "toString" } }, losses: [] } }] }, "run 1"],
  [{ runs: [{ name: "one", training: { facts: { Units: {} }, losses: [] } }] }, "run 1"],
  [{ runs: [{ name: "one", training: { facts: {}, losses: [{ step: "1" }] } }] }, "run 1"],
  [{ runs: Array(3).fill({ name: "one", training }) }, "run 3"],
])("a description with %j is damaged: %s", (change, what) => {
  expect(() => readProject(changed(change), "p.unrolled")).toThrow(
    `p.unrolled: ${what} of the project is damaged. Save it again.`,
  );
});

test("a project of the first version, whose facts are words, has the same runs", () => {
  const words = { Cell: "lstm", Units: 8, Text: "Sums", Loss: 0.25 };
  const runs = project.runs.map(({ name }) => ({ name, training: { ...training, facts: words } }));
  const { tensors, metadata } = readSafetensors(changed({ runs }));
  const read = readProject(writeSafetensors({ tensors, metadata: { ...metadata, format: "unrolled project 1" } }), "p");
  expect(read.runs.map((run) => run.training.facts)).toEqual(
    runs.map(() => ({ ...training.facts, optimizer: "adam", schedule: { name: "cosine" } })),
  );
  const later = writeSafetensors({ tensors, metadata: { ...metadata, format: "unrolled project 3" } });
  expect(() => readProject(later, "p")).toThrow("p: is not a project of the Lab.");
});

test("settings that are none are as usual", () => {
  const { form } = readProject(
    changed({ form: { units: 5, tokens: "image", optimizer: "toString", schedule: "", until: "minutes", evil: "x" } }),
    "p",
  );
  expect(form).toEqual({ ...standardForm, until: "minutes" });
});

test("bytes that are cut or changed give an error of one line, or a project", () => {
  const bytes = writeProject(project);
  const random = createRandom(1);
  for (let k = 0; k < 500; k++) {
    const other = bytes.slice(0, k % 2 === 0 ? random.integer(bytes.length) : bytes.length);
    for (let n = 0; n < 3 && other.length > 0; n++) other[random.integer(other.length)] = random.integer(256);
    try {
      readProject(other, "p");
    } catch (error) {
      expect((error as Error).name, `seed 1, round ${k}`).toMatch(/FormatError|InputError/);
      expect((error as Error).message).toMatch(/^p: .*[^\n]$/);
    }
  }
});

test("a project that is cut short is to be copied or saved again: there is nothing to train anew", () => {
  const whole = writeProject(project);
  for (const length of [0, 4, 100, whole.length - 1]) {
    expect(() => readProject(whole.subarray(0, length), "p")).toThrow(
      /^p: .* it is cut short\. Copy it again, or save it again\.$/,
    );
  }
});
