import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { cellFacts } from "../../src/nn/cell-facts.ts";

const factsOf = (name: string) => cellFacts(name, { units: 128, input: 64 });

test("the LSTM's products with the input are hoisted, those with its own output stay in the loop", () => {
  expect(factsOf("lstm")).toEqual({
    ...{ name: "lstm", year: 1997, states: ["c", "h"] },
    ...{ parameters: 4 * 128 * (64 + 128 + 1), multiplyAdds: 4 * 128 * (64 + 128) },
    ...{ looped: ["U_f", "U_i", "U_g", "U_o"], hoisted: ["W_f", "W_i", "W_g", "W_o"] },
    differs: "gates decide what a cell state keeps, stores and shows",
  });
});

test("cells whose gates read the input alone leave no product in the time loop", () => {
  const free = Object.keys(cells).filter((name) => factsOf(name).looped.length === 0);
  const recurrent = ["indrnn", "mlstm", "qrnn", "sru", "min-gru", "min-lstm", "rg-lru"];
  expect(free).toEqual(["perceptron", "dense", ...recurrent]);
});

test("a concatenation counts as the products it is: h in the loop, x before it", () => {
  expect(factsOf("mgu")).toMatchObject({
    ...{ looped: ["W_f", "W_h"], hoisted: ["W_f", "W_h"] },
    multiplyAdds: 2 * 128 * (128 + 64),
  });
});

test("a matrix as state counts twice: the outer product that goes into it, and its product with a vector", () => {
  expect(factsOf("mlstm").multiplyAdds).toBe((4 * 128 + 2) * 64 + 2 * 128 * 128);
});

test("no product of the mogrifier LSTM can be hoisted: all read the old state, one way or the other", () => {
  const { looped, hoisted } = factsOf("mogrifier-lstm");
  expect(looped).toHaveLength(13);
  expect(hoisted).toEqual([]);
});
