import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runNode } from "../helpers/processes.ts";
import { checkTypes, compile, makeFolder, pages, programsOf, readPage } from "./pages.ts";

const { folder, remove } = makeFolder();
const programs: Record<string, string> = Object.fromEntries(
  pages.flatMap((page) => {
    const name = page.replace(/\W/g, "-");
    return programsOf(readPage(page)).map((code, k) => [`${name}-${k + 1}`, code]);
  }),
);
let complaints = "";

beforeAll(async () => {
  // What the programs read.
  const words = "call me ishmael some years ago never mind how long precisely having little money in my purse".split(
    " ",
  );
  const text = Array.from({ length: 60 }, (_, k) => words[(k * k + 3 * k) % words.length]).join(" ");
  writeFileSync(join(folder, "moby_dick_four_chapters.txt"), text);
  writeFileSync(join(folder, "book.txt"), `${text}. `.repeat(8));
  complaints = await checkTypes(folder, programs);
  await compile(folder, Object.keys(programs));
}, 60_000);
afterAll(remove);

test("programs of a page: a block with imports begins one, another goes on with it", () => {
  const page = [
    "```ts\nimport a;\n```\n```ts\nb;\n```\n```\nno\n```\n```ts goes on\nimport d;\n```\n",
    "```ts\nimport c;\n```\n```ts [main.ts]\nimport e;\n```\n",
  ].join("");
  expect(programsOf(page)).toEqual(["import a;\nb;\nimport d;\n", "import c;\n"]);
});

test("TypeScript has nothing to say about the programs of README.md and docs", () => {
  expect(complaints).toBe("");
});

test.each(Object.keys(programs))("%s runs", { timeout: 60_000 }, async (name) => {
  const { code, out, err } = await runNode([`${name}.js`], folder);
  expect({ code, output: code === 0 ? "" : out + err }).toEqual({ code: 0, output: "" });
});

test("weights of PyTorch, as Coming from PyTorch copies them, give what PyTorch's formulas do", {
  timeout: 60_000,
}, async () => {
  const [code = ""] = programsOf(readPage("docs/coming-from-pytorch.md")).filter((one) => one.includes("fromTorch"));
  const check = `
    import { createRandom, predict } from "unrolled";
    const random = createRandom(5);
    const drawn = (...shape: number[]) => ({
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal() / 4),
    });
    const [V, E, H] = [100, 32, 64];
    const tensors = {
      "embedding.weight": drawn(V, E),
      "lstm.weight_ih_l0": drawn(4 * H, E), "lstm.weight_hh_l0": drawn(4 * H, H),
      "lstm.bias_ih_l0": drawn(4 * H), "lstm.bias_hh_l0": drawn(4 * H),
      "linear.weight": drawn(V, H), "linear.bias": drawn(V),
    };
    fromTorch(model, tensors);
    const x = [3, 99, 0, 41, 7];
    const { data } = await predict(model, [x]);
    // torch.nn.LSTM's documentation: the gates are i, f, g, o.
    const row = ({ shape, data }: ReturnType<typeof drawn>, k: number) => data.subarray(k * (shape[1] ?? 1), (k + 1) * (shape[1] ?? 1));
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
    const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
    let [h, c] = [Array(H).fill(0) as number[], Array(H).fill(0) as number[]];
    let largest = 0;
    x.forEach((token, t) => {
      const embedded = row(tensors["embedding.weight"], token);
      const at = (k: number) =>
        dot(row(tensors["lstm.weight_ih_l0"], k), embedded) + dot(row(tensors["lstm.weight_hh_l0"], k), h) +
        (tensors["lstm.bias_ih_l0"].data[k] ?? 0) + (tensors["lstm.bias_hh_l0"].data[k] ?? 0);
      c = c.map((value, j) => sigmoid(at(H + j)) * value + sigmoid(at(j)) * Math.tanh(at(2 * H + j)));
      h = c.map((value, j) => sigmoid(at(3 * H + j)) * Math.tanh(value));
      for (let v = 0; v < V; v++) {
        const logit = dot(row(tensors["linear.weight"], v), h) + (tensors["linear.bias"].data[v] ?? 0);
        largest = Math.max(largest, Math.abs(logit - (data[t * V + v] ?? NaN)));
      }
    });
    if (!(largest < 1e-5)) throw new Error("the largest difference is " + largest);
  `;
  expect(await checkTypes(folder, { "from-torch": code + check })).toBe("");
  await compile(folder, ["from-torch"]);
  const { code: status, out, err } = await runNode(["from-torch.js"], folder);
  expect({ status, output: out + err }).toEqual({ status: 0, output: "" });
});
