import { expect, test } from "vitest";
import { masking, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createSession } from "../../../src/nn/session.ts";
import { maxPooling, meanPooling } from "../../../src/tasks/classify/pooling.ts";
import { predict } from "../../../src/train/predict.ts";

const sequences = [
  [
    [-3, 1],
    [-1, 5],
    [-2, 3],
  ],
  [[-4, -7]],
  [
    [2, 0],
    [4, -2],
  ],
];
const wanted = {
  mean: [-2, 3, -4, -7, 3, -1],
  max: [-1, 5, -4, -7, 4, 0],
};

test.each([
  ["mean", meanPooling],
  ["max", maxPooling],
] as const)(
  "%s over time: masked steps do not count, padded before or after, and numbers below 0 do",
  async (name, cell) => {
    const model = sequential([masking({ maskValue: -99 }), recurrent(cell)], { input: 2 });
    for (const pad of ["pre", "post"] as const) {
      const { data, shape } = await predict(model, sequences, { pad });
      expect(shape).toEqual([3, 2]);
      expect(Array.from(data)).toEqual(wanted[name].map((one) => expect.closeTo(one, 6)));
    }
  },
);

test("step by step, the pooled values so far", async () => {
  const session = await createSession(sequential([recurrent(meanPooling)], { input: 2 }));
  const said = (sequences[0] as number[][]).map((row) => Array.from(session.next(row)));
  expect(said).toEqual([[-3, 1], [-2, 3], [-2, 3].map((one) => expect.closeTo(one, 6))]);
  session.dispose();
});
