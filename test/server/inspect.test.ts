/** What a model remembers and does, over HTTP. */
import { expect, test } from "vitest";
import { inspectedToken, inspectText, shownValues } from "../../src/tasks/inspect-text.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { pairs, serving, tiny } from "./serving.ts";

const here = await serving();
const inspect = (body: object) => here.post("/v1/unrolled/inspect", { model: "tiny", text: "the cat", ...body });
const wrong = async (body: object) => {
  const answer = await inspect(body);
  return [answer.status, (await answer.json()).error];
};

test.each([
  ["tiny", tiny, undefined],
  ["pairs", pairs, ["f", "h"]],
] as const)("of %s: the numbers of unrolled inspect --json", async (model, lm, values) => {
  const answer = await inspect({ model, values });
  const shown = shownValues(lm.model, values ?? [], "");
  const tokens: object[] = [];
  const keys = shown.map(({ key }) => key);
  for await (const token of inspectText(lm, encode(lm.tokenizer, "the cat"), "", { values: keys })) {
    tokens.push(inspectedToken(lm.tokenizer, shown, token));
  }
  expect(tokens.length).toBeGreaterThan(1);
  expect(await answer.json()).toEqual({ object: "inspection", model, tokens: JSON.parse(JSON.stringify(tokens)) });
});

test("a value that there is not, no text and too long a text are refused", async () => {
  expect(await wrong({ values: ["q"] })).toMatchObject([
    400,
    { param: "values", message: 'values: the model has no value "q". It has f, i, g, o, c, h, dense.y.' },
  ]);
  expect(await wrong({ text: "" })).toMatchObject([400, { param: "text" }]);
  expect(await wrong({ text: "a".repeat(20_000) })).toMatchObject([
    400,
    { param: "text", message: expect.stringContaining("20,000 tokens with 1,080,000 numbers are too many") },
  ]);
});
