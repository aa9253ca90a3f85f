/** Every mistake that a person can type, and what the message says. */
import { expect, test } from "vitest";
import { type CellOptions, cell, EquationError } from "../../src/graph/cell.ts";
import { explainCell } from "../../src/nn/explain.ts";
import { refusal } from "../helpers/refusal.ts";

const mistake = (source: string, options?: CellOptions): string =>
  `\n${refusal(() => cell(source, options), EquationError)}\n`;

test("an unknown function, with the near one", () => {
  expect(mistake("h' = tanh(W @ x)\n  f = sigmod(W_f @ x + b_f)")).toMatchInlineSnapshot(`
    "
    line 2, column 7: unknown function "sigmod". Did you mean sigmoid?
        f = sigmod(W_f @ x + b_f)
            ^^^^^^
    "
  `);
});
test("an unknown function with no near one lists all", () => {
  expect(mistake("y = swish(x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: unknown function "swish". For a product write swish * (...) or swish @ (...). Functions: sigmoid, hard_sigmoid, tanh, relu, softplus, exp, log, sqrt, abs, step, softmax, sum, mean, min, max, outer, size, dropout.
      y = swish(x)
          ^^^^^
    "
  `);
});
test("a name called as a function", () => {
  expect(mistake("y = W(x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: unknown function "W". For a product write W * (...) or W @ (...). Functions: sigmoid, hard_sigmoid, tanh, relu, softplus, exp, log, sqrt, abs, step, softmax, sum, mean, min, max, outer, size, dropout.
      y = W(x)
          ^
    "
  `);
});
test("a function called with too many arguments", () => {
  expect(mistake("y = tanh(x, x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: tanh takes 1 argument, got 2.
      y = tanh(x, x)
          ^^^^^^^^^^
    "
  `);
});
test("a function called with none", () => {
  expect(mistake("y = max()")).toMatchInlineSnapshot(`
    "
    line 1, column 5: max takes 1 or 2 arguments, got 0.
      y = max()
          ^^^^^
    "
  `);
});
test("a function without its arguments", () => {
  expect(mistake("y = W @ x + tanh")).toMatchInlineSnapshot(`
    "
    line 1, column 13: "tanh" is reserved: it is a function. Write tanh(...).
      y = W @ x + tanh
                  ^^^^
    "
  `);
});
test("a primed name that no line sets", () => {
  expect(mistake("h' = tanh(W @ x + U @ c')")).toMatchInlineSnapshot(`
    "
    line 1, column 23: no line sets c'. Write a line c' = ..., or read c.
      h' = tanh(W @ x + U @ c')
                            ^^
    "
  `);
});
test("a primed name that no line sets, with the near one", () => {
  expect(mistake("hidden' = tanh(W @ x)\ny = hiden' + hidden")).toMatchInlineSnapshot(`
    "
    line 2, column 5: no line sets hiden'. Did you mean hidden'?
      y = hiden' + hidden
          ^^^^^^
    "
  `);
});
test("a prime read on a line that is no state", () => {
  expect(mistake("f = W @ x\nh' = f' + h")).toMatchInlineSnapshot(`
    "
    line 2, column 6: f is no state: its line sets f without a '. Write f here, or f' there.
      h' = f' + h
           ^^
    "
  `);
});
test("a prime read on the input", () => {
  expect(mistake("y = W @ x'")).toMatchInlineSnapshot(`
    "
    line 1, column 9: x is an input and has no '. Only states have one. Write x.
      y = W @ x'
              ^^
    "
  `);
});
test("a prime read on a setting", () => {
  expect(mistake("y = x * rate'", { settings: ["rate"] })).toMatchInlineSnapshot(`
    "
    line 1, column 9: rate is a setting and has no '. Only states have one. Write rate.
      y = x * rate'
              ^^^^^
    "
  `);
});
test("a primed name read before its line", () => {
  expect(mistake("h' = tanh(c') + h\nc' = W @ x + c")).toMatchInlineSnapshot(`
    "
    line 1, column 11: c' is read before its line. Move line 2 up, above this one.
      h' = tanh(c') + h
                ^^
    "
  `);
});
test("a line read before it", () => {
  expect(mistake("y = f * x\nf = sigmoid(x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: f is read before its line. Move line 2 up, above this one.
      y = f * x
          ^
    "
  `);
});
test("a cycle of lines", () => {
  expect(mistake("f = sigmoid(W @ g + x)\ng = tanh(U @ f)\ny = f")).toMatchInlineSnapshot(`
    "
    line 1, column 17: f depends on itself within one step: f -> g -> f. Read the value of the step before through a state: write g' = ... and read g.
      f = sigmoid(W @ g + x)
                      ^
    "
  `);
});
test("a cycle through a state's value now", () => {
  expect(mistake("o = sigmoid(W @ h')\nh' = o * tanh(V @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 17: o depends on itself within one step: o -> h' -> o. Read h, the value of the step before, without the '.
      o = sigmoid(W @ h')
                      ^^
    "
  `);
});
test("a line that reads itself", () => {
  expect(mistake("f = f + x\ny = f")).toMatchInlineSnapshot(`
    "
    line 1, column 5: f depends on itself within one step: f -> f. Read the value of the step before through a state: write f' = ... and read f.
      f = f + x
          ^
    "
  `);
});
test("a state that reads itself now", () => {
  expect(mistake("h' = h' + x")).toMatchInlineSnapshot(`
    "
    line 1, column 6: h' depends on itself within one step: h' -> h'. Read h, the value of the step before, without the '.
      h' = h' + x
           ^^
    "
  `);
});
test("sizes that cannot be equal", () => {
  expect(mistake("a : 64\nb : 32\ny = a * x + b")).toMatchInlineSnapshot(`
    "
    line 3, column 11: '+' needs equal shapes, got 64 and 32 features. Bring one side to the other's size with a matrix, as in W @ x.
      y = a * x + b
                ^
    "
  `);
});
test("sizes that cannot be equal for any units", () => {
  expect(mistake("y = x * [x, x]")).toMatchInlineSnapshot(`
    "
    line 1, column 7: '*' needs equal shapes, got input and 2 * input features. Bring one side to the other's size with a matrix, as in W @ x.
      y = x * [x, x]
            ^
    "
  `);
});
test("a state and its value differ", () => {
  expect(mistake("h' = [h, x]")).toMatchInlineSnapshot(`
    "
    line 1, column 6: h' needs the size that h has, got size(h) + input and size(h) features. Bring the value to the size of h.
      h' = [h, x]
           ^^^^^^
    "
  `);
});
test("a matrix that meets two sizes", () => {
  expect(mistake("a : 64\nb : 32\ny = W @ a + W @ b\na ~ zeros\nb ~ zeros")).toMatchInlineSnapshot(`
    "
    line 3, column 13: 'W @' needs the same size wherever it stands, got 64 and 32 features. Use another matrix, or bring this to the size of the other vectors that W multiplies.
      y = W @ a + W @ b
                  ^^^^^
    "
  `);
});
test("a size line against the equations", () => {
  expect(mistake("a = [x, x]\na : input\ny = a")).toMatchInlineSnapshot(`
    "
    line 2, column 1: the size of a must be the size said here, got 2 * input and input features. Change the size line, or the equations that it belongs to.
      a : input
      ^
    "
  `);
});
test("a matrix that meets a number", () => {
  expect(mistake("y = W @ 2")).toMatchInlineSnapshot(`
    "
    line 1, column 9: '@' takes vectors, got a number. For a number write * in place of @.
      y = W @ 2
              ^
    "
  `);
});
test("a concatenation of a number", () => {
  expect(mistake("y = [x, 1]")).toMatchInlineSnapshot(`
    "
    line 1, column 9: a concatenation takes vectors, got a number. Only features can be put together.
      y = [x, 1]
              ^
    "
  `);
});
test("a reduction of a number", () => {
  expect(mistake("y = x * sum(2)")).toMatchInlineSnapshot(`
    "
    line 1, column 13: sum takes vectors, got a number. It goes over the features of a vector.
      y = x * sum(2)
                  ^
    "
  `);
});
test("softmax of one number per example", () => {
  expect(mistake("y = softmax(sum(x))")).toMatchInlineSnapshot(`
    "
    line 1, column 13: softmax takes vectors, got one number per example. It goes over the features of a vector.
      y = softmax(sum(x))
                  ^^^^^^
    "
  `);
});
test("a state that is a number", () => {
  expect(mistake("h' = sum(h * x)")).toMatchInlineSnapshot(`
    "
    line 1, column 6: the state h must be a vector, got one number per example. Multiply it by a vector, as in b * sum(x).
      h' = sum(h * x)
           ^^^^^^^^^^
    "
  `);
});
test("an output that is a number", () => {
  expect(mistake("y = 2 * 3")).toMatchInlineSnapshot(`
    "
    line 1, column 5: the output y is the same number for every example. It must depend on the input or a parameter.
      y = 2 * 3
          ^^^^^
    "
  `);
});
test("an impossible number", () => {
  expect(mistake("y = x * (1 / 0)")).toMatchInlineSnapshot(`
    "
    line 1, column 10: this is Infinity, not a finite number. Change the numbers in it.
      y = x * (1 / 0)
               ^^^^^
    "
  `);
});
test("nothing left for the size of a part", () => {
  expect(mistake("h' = h + [W @ x, V @ x]\nh : units")).toMatchInlineSnapshot(`
    "
    line 1, column 11: no features are left for W: the other parts of the concatenation take all. Fix the size of a part with a size line, as in a : units / 2.
      h' = h + [W @ x, V @ x]
                ^
    "
  `);
});
test("too many features", () => {
  expect(
    mistake(
      "a : 1000000\nb = [a, a, a, a, a, a, a, a, a, a]\nc = [b, b, b, b, b, b, b, b, b, b]\nd = [c, c, c, c, c, c, c, c, c, c]\ne = [d, d, d, d, d, d, d, d, d, d]\nf = [e, e, e, e, e, e, e, e, e, e]\ng = [f, f, f, f, f, f, f, f, f, f]\ny = W @ [g, g]",
    ),
  ).toMatchInlineSnapshot(`
    "
    line 8, column 5: this has more features than any machine could hold. Look at the concatenations and size lines above.
      y = W @ [g, g]
          ^^^^^^^^^^
    "
  `);
});
test("a size line of a number", () => {
  expect(mistake("k = 0.5\nk : 4\ny = k * x")).toMatchInlineSnapshot(`
    "
    line 2, column 1: k is a number and has no size. Remove this line.
      k : 4
      ^
    "
  `);
});
test("a size line of a setting", () => {
  expect(mistake("y = x * rate\nrate : 4", { settings: ["rate"] })).toMatchInlineSnapshot(`
    "
    line 2, column 1: rate is a setting, a number, and has no size. Remove this line.
      rate : 4
      ^^^^
    "
  `);
});
test("a size line of a matrix", () => {
  expect(mistake("y = W @ x\nW : 64")).toMatchInlineSnapshot(`
    "
    line 2, column 1: W is a matrix, and this size line gives one size. Its rows are the size of W @ ..., its columns the size of the vector that it multiplies. Give both, as in W : units, input.
      W : 64
      ^
    "
  `);
});
test("two sizes for what is no matrix", () => {
  expect(mistake("h' = tanh(W @ x)\nh : units, 4")).toMatchInlineSnapshot(`
    "
    line 2, column 1: two sizes are for a parameter that is a matrix, and h is a state. Remove this line.
      h : units, 4
      ^
    "
  `);
  expect(mistake("y = W @ x\nx : units, 4")).toMatchInlineSnapshot(`
    "
    line 2, column 1: two sizes are for a parameter that is a matrix, and x is an input. Remove this line.
      x : units, 4
      ^
    "
  `);
});
test("two sizes that do not fit", () => {
  expect(mistake("y = exp(T) * 2\nT : 3, 4")).toMatchInlineSnapshot(`
    "
    line 1, column 5: the output y is a matrix, and must be a vector. Read it in a line for the output, as in y = C @ q.
      y = exp(T) * 2
          ^^^^^^^^^^
    "
  `);
  expect(mistake("k = A @ x\nE = T + outer(k, k)\ny = E @ k\nT : 3, 4")).toMatchInlineSnapshot(`
    "
    line 2, column 7: '+' needs equal shapes, got 4 and 3 columns. The rows of outer(a, b) are the size of a, its columns the size of b.
      E = T + outer(k, k)
            ^
    "
  `);
  expect(mistake("y = T @ x + T\nT : units, input")).toMatchInlineSnapshot(`
    "
    line 1, column 11: '+' needs equal shapes, got a vector and a matrix. Make a matrix of two vectors with outer(a, b), or a vector of the matrix with C @ q.
      y = T @ x + T
                ^
    "
  `);
  expect(mistake("y = T @ x\nT : units, input, 3")).toMatchInlineSnapshot(`
    "
    line 2, column 17: a comma stands within a function's ( ) or within [ ]. To concatenate write [a, b].
      T : units, input, 3
                      ^
    "
  `);
});
test("a size line of a name that nothing uses", () => {
  expect(mistake("y = W @ x + bias\nbiass : 64")).toMatchInlineSnapshot(`
    "
    line 2, column 1: no equation uses biass. Did you mean bias?
      biass : 64
      ^^^^^
    "
  `);
});
test("a size that is no size", () => {
  expect(mistake("y = W @ x\ny : large")).toMatchInlineSnapshot(`
    "
    line 2, column 5: expected a size: 64, units, units / 4, units * 2, input or steps; found "large".
      y : large
          ^^^^^
    "
  `);
});
test("a size that is no whole number", () => {
  expect(mistake("y = W @ x\ny : 1.5")).toMatchInlineSnapshot(`
    "
    line 2, column 5: a size is a whole number from 1 to 1000000, got 1.5.
      y : 1.5
          ^^^
    "
  `);
});
test("a size that needs more than one operation on numbers", () => {
  expect(mistake("y = W @ x\ny : units + 1")).toMatchInlineSnapshot(`
    "
    line 2, column 11: a size is 64, units, units / 4, units * 2 or input, and ends there; found "+".
      y : units + 1
                ^
    "
  `);
});
test("a size divided into", () => {
  expect(mistake("y = W @ x\ny : 4 / units")).toMatchInlineSnapshot(`
    "
    line 2, column 9: a size is a number, units, input, or one of these two times or by a number, as in units / 4.
      y : 4 / units
              ^^^^^
    "
  `);
});
test("a size named input in a cell without inputs", () => {
  expect(mistake("h' = tanh(U @ h)\nh : input", { inputs: [] })).toMatchInlineSnapshot(`
    "
    line 2, column 1: this cell has no input, so there is no size input.
      h : input
      ^
    "
  `);
});
test("a second size line", () => {
  expect(mistake("y = W @ x\ny : 4\ny : 8")).toMatchInlineSnapshot(`
    "
    line 3, column 1: a second size for y, after line 2. Remove one of the lines.
      y : 8
      ^
    "
  `);
});
test("one name as matrix and as vector", () => {
  expect(mistake("y = W @ x + W")).toMatchInlineSnapshot(`
    "
    line 1, column 13: W is a vector here (not left of "@") and a matrix in line 1. Use two names, as in W_W and b_W.
      y = W @ x + W
                  ^
    "
  `);
});
test("one name as vector and as matrix", () => {
  expect(mistake("y = b + b @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 9: \`b @ x\` multiplies by a matrix: did you mean \`b * x\`? As it stands, b is a matrix here (left of "@") and a vector in line 1. Use two names, as in W_b and b_b.
      y = b + b @ x
              ^^^^^
    "
  `);
});
test("a state left of @", () => {
  expect(mistake("h' = tanh(h @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 11: \`h @ x\` multiplies by a matrix: did you mean \`h * x\`? As it stands, left of "@" stands a matrix, and h is a vector. For elementwise products write *.
      h' = tanh(h @ x)
                ^^^^^
    "
  `);
});
test("a line left of @", () => {
  expect(mistake("f = sigmoid(x)\ny = f @ x")).toMatchInlineSnapshot(`
    "
    line 2, column 5: \`f @ x\` multiplies by a matrix: did you mean \`f * x\`? As it stands, left of "@" stands a matrix, and f is a vector. For elementwise products write *.
      y = f @ x
          ^^^^^
    "
  `);
});
test("a number left of @", () => {
  expect(mistake("y = 2 @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: left of "@" stands the plain name of a matrix, as in W @ x. For elementwise products write *.
      y = 2 @ x
          ^
    "
  `);
});
test("brackets left of @", () => {
  expect(mistake("y = (W) @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 6: left of "@" stands the plain name of a matrix, as in W @ x. For elementwise products write *.
      y = (W) @ x
           ^
    "
  `);
});
test("a vector state's value now left of @", () => {
  expect(mistake("h' = x + h\ny = h' @ x")).toMatchInlineSnapshot(`
    "
    line 2, column 5: \`h' @ x\` multiplies by a matrix: did you mean \`h' * x\`? As it stands, left of "@" stands a matrix, and h' is a vector. For elementwise products write *.
      y = h' @ x
          ^^^^^^
    "
  `);
});
test("a matrix and a vector, elementwise", () => {
  expect(mistake("C' = outer(x, x) + x\ny = C' @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 18: '+' needs equal shapes, got a matrix and a vector. Make a matrix of two vectors with outer(a, b), or a vector of the matrix with C @ q.
      C' = outer(x, x) + x
                       ^
    "
  `);
});
test("a vector and a matrix, elementwise, the matrix a state before its line", () => {
  expect(mistake("y = x * C\nC' = C + outer(x, y)")).toMatchInlineSnapshot(`
    "
    line 1, column 7: '*' needs equal shapes, got a vector and a matrix. Make a matrix of two vectors with outer(a, b), or a vector of the matrix with C @ q.
      y = x * C
            ^
    "
  `);
});
test("matrices with as many columns and other rows", () => {
  expect(mistake("a : 3\nb : 4\nC' = outer(a, x) + outer(b, x)\ny = C' @ x")).toMatchInlineSnapshot(`
    "
    line 3, column 18: '+' needs equal shapes, got 3 and 4 rows. The rows of outer(a, b) are the size of a, its columns the size of b.
      C' = outer(a, x) + outer(b, x)
                       ^
    "
  `);
});
test("matrices with as many rows and other columns", () => {
  expect(mistake("a : 3\nb : 4\nC' = outer(x, a) + outer(x, b)\ny = C' @ a")).toMatchInlineSnapshot(`
    "
    line 3, column 18: '+' needs equal shapes, got 3 and 4 columns. The rows of outer(a, b) are the size of a, its columns the size of b.
      C' = outer(x, a) + outer(x, b)
                       ^
    "
  `);
});
test("a matrix state whose value has another shape", () => {
  expect(mistake("a : 3\nb : 4\nC' = outer(a, C @ b)\ny = C' @ b")).toMatchInlineSnapshot(`
    "
    line 3, column 6: C' needs the shape that C has, got 3 and 4 columns. The rows of outer(a, b) are the size of a, its columns the size of b.
      C' = outer(a, C @ b)
           ^^^^^^^^^^^^^^^
    "
  `);
});
test("a matrix times a vector of another size", () => {
  expect(mistake("a : 3\nb : 4\nC' = outer(a, b)\ny = C' @ a")).toMatchInlineSnapshot(`
    "
    line 4, column 5: 'C' @' needs as many features as C' has columns, got 4 and 3 features. The columns of outer(a, b) are the size of b.
      y = C' @ a
          ^^^^^^
    "
  `);
});
test("a matrix times a number", () => {
  expect(mistake("C' = outer(x, x)\ny = C' @ 2")).toMatchInlineSnapshot(`
    "
    line 2, column 10: '@' takes vectors, got a number. For a number write * in place of @.
      y = C' @ 2
               ^
    "
  `);
});
test("a matrix times a matrix", () => {
  expect(mistake("C' = outer(x, x)\ny = x + C' @ C")).toMatchInlineSnapshot(`
    "
    line 2, column 14: '@' takes vectors, got a matrix. Make a vector of it first, as in C @ q.
      y = x + C' @ C
                   ^
    "
  `);
});
test("a parameter times a matrix", () => {
  expect(mistake("C' = outer(x, x)\ny = W @ C'")).toMatchInlineSnapshot(`
    "
    line 2, column 9: '@' takes vectors, got a matrix. Make a vector of it first, as in C @ q.
      y = W @ C'
              ^^
    "
  `);
});
test("outer of a number", () => {
  expect(mistake("C = outer(x, 2)\ny = C @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 14: outer takes vectors, got a number. It makes a matrix of two vectors.
      C = outer(x, 2)
                   ^
    "
  `);
});
test("outer of one number per example", () => {
  expect(mistake("C = outer(sum(x), x)\ny = C @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 11: outer takes vectors, got one number per example. It makes a matrix of two vectors.
      C = outer(sum(x), x)
                ^^^^^^
    "
  `);
});
test("outer of a matrix", () => {
  expect(mistake("C = outer(x, x)\nD = outer(C, x)\ny = D @ x")).toMatchInlineSnapshot(`
    "
    line 2, column 11: outer takes vectors, got a matrix. Make a vector of it first, as in C @ q.
      D = outer(C, x)
                ^
    "
  `);
});
test("outer of one vector", () => {
  expect(mistake("C = outer(x)\ny = C @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: outer takes 2 arguments, got 1.
      C = outer(x)
          ^^^^^^^^
    "
  `);
});
test("a matrix in a concatenation", () => {
  expect(mistake("C = outer(x, x)\ny = W @ [x, C]")).toMatchInlineSnapshot(`
    "
    line 2, column 13: a concatenation takes vectors, got a matrix. Make a vector of it first, as in C @ q.
      y = W @ [x, C]
                  ^
    "
  `);
});
test("softmax of a matrix", () => {
  expect(mistake("C = outer(x, x)\ny = softmax(C) * x")).toMatchInlineSnapshot(`
    "
    line 2, column 13: softmax takes vectors, got a matrix. Make a vector of it first, as in C @ q.
      y = softmax(C) * x
                  ^
    "
  `);
});
test("a matrix as the output", () => {
  expect(mistake("C' = 0.5 * C + outer(x, x)")).toMatchInlineSnapshot(`
    "
    line 1, column 6: the output C' is a matrix, and must be a vector. Read it in a line for the output, as in y = C @ q.
      C' = 0.5 * C + outer(x, x)
           ^^^^^^^^^^^^^^^^^^^^^
    "
  `);
});
test("a matrix as the output, without a state", () => {
  expect(mistake("y = outer(x, x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: the output y is a matrix, and must be a vector. Read it in a line for the output, as in y = C @ q.
      y = outer(x, x)
          ^^^^^^^^^^^
    "
  `);
});
test("a size line of a matrix state", () => {
  expect(mistake("C' = outer(x, x)\ny = C' @ x\nC : 4")).toMatchInlineSnapshot(`
    "
    line 3, column 1: C is a matrix, and a size line gives one size. Its rows and columns are the sizes of a and b in outer(a, b): give those sizes.
      C : 4
      ^
    "
  `);
});
test("a size line of a matrix", () => {
  expect(mistake("C = outer(x, x)\ny = C @ x\nC : 4")).toMatchInlineSnapshot(`
    "
    line 3, column 1: C is a matrix, and a size line gives one size. Its rows and columns are the sizes of a and b in outer(a, b): give those sizes.
      C : 4
      ^
    "
  `);
});
test("an outer product left of @", () => {
  expect(mistake("y = outer(x, x) @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: left of "@" stands the plain name of a matrix, as in W @ x. Give this one a line of its own: C = outer(a, b).
      y = outer(x, x) @ x
          ^^^^^^^^^^^
    "
  `);
});
test("the size of a product", () => {
  expect(mistake("y = x / size(W @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 14: size takes the name of a vector, as in size(h), and is its number of features.
      y = x / size(W @ x)
                   ^^^^^
    "
  `);
});
test("the size of a number", () => {
  expect(mistake("a = sum(x)\ny = x / size(a)")).toMatchInlineSnapshot(`
    "
    line 2, column 14: size takes the name of a vector, as in size(h), and is its number of features.
      y = x / size(a)
                   ^
    "
  `);
});
test("the size of a matrix", () => {
  expect(mistake("C = outer(x, x)\ny = C @ x / size(C)")).toMatchInlineSnapshot(`
    "
    line 2, column 18: size takes the name of a vector, as in size(h), and is its number of features.
      y = C @ x / size(C)
                       ^
    "
  `);
});
test("dropout of a number", () => {
  expect(mistake("a = sum(x)\ny = x * dropout(a)")).toMatchInlineSnapshot(`
    "
    line 2, column 17: dropout takes a vector or a matrix, and this is one number per example.
      y = x * dropout(a)
                      ^
    "
  `);
});
test("a function left of @", () => {
  expect(mistake("y = tanh @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: "tanh" is reserved: it is a function. Write tanh(...).
      y = tanh @ x
          ^^^^
    "
  `);
});
test("a line that nothing uses", () => {
  expect(mistake("f = sigmoid(x)\ny = W @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: nothing uses f. The output is y: use f on the way to it, or remove the line.
      f = sigmoid(x)
      ^
    "
  `);
});
test("a name defined twice", () => {
  expect(mistake("f = W @ x\nf = V @ x\ny = f")).toMatchInlineSnapshot(`
    "
    line 2, column 1: f is defined twice, first in line 1. Choose another name, or remove one of the lines.
      f = V @ x
      ^
    "
  `);
});
test("a name defined as a line and as a state", () => {
  expect(mistake("h = W @ x\nh' = tanh(h)")).toMatchInlineSnapshot(`
    "
    line 2, column 1: h is defined twice, first in line 1. h without a ' is the state's value of the step before. Choose another name for one of them.
      h' = tanh(h)
      ^^
    "
  `);
});
test("a parameter one letter from a line", () => {
  expect(mistake("gate = sigmoid(W @ x)\ny = gate + gat")).toMatchInlineSnapshot(`
    "
    line 2, column 12: no line defines gat, which differs by one letter from gate. Did you mean gate? If gat is a parameter, say so in a line: gat ~ zeros
      y = gate + gat
                 ^^^
    "
  `);
});
test("a parameter one letter from a state", () => {
  expect(mistake("hid' = tanh(W @ x + U @ hid)\ny = hie * hid")).toMatchInlineSnapshot(`
    "
    line 2, column 5: no line defines hie, which differs by one letter from hid. Did you mean hid? If hie is a parameter, say so in a line: hie ~ zeros
      y = hie * hid
          ^^^
    "
  `);
});
test("a parameter one letter from a setting", () => {
  expect(mistake("y = x * beta1 + beta2", { settings: ["beta1"] })).toMatchInlineSnapshot(`
    "
    line 1, column 17: no line defines beta2, which differs by one letter from beta1. Did you mean beta1? If beta2 is a parameter, say so in a line: beta2 ~ zeros
      y = x * beta1 + beta2
                      ^^^^^
    "
  `);
});
test("an initialiser of a state", () => {
  expect(mistake("h' = tanh(W @ x + U @ h)\nh ~ ones")).toMatchInlineSnapshot(`
    "
    line 2, column 1: an initialiser is for a parameter, and h is a state. A state starts as zeros.
      h ~ ones
      ^
    "
  `);
});
test("an initialiser of a line", () => {
  expect(mistake("f = W @ x\ny = f\nf ~ ones")).toMatchInlineSnapshot(`
    "
    line 3, column 1: an initialiser is for a parameter, and f is set by a line. Remove this line.
      f ~ ones
      ^
    "
  `);
});
test("an initialiser of a name that nothing uses", () => {
  expect(mistake("y = W @ x + b_out\nb_ouy ~ ones")).toMatchInlineSnapshot(`
    "
    line 2, column 1: no equation uses b_ouy. Did you mean b_out?
      b_ouy ~ ones
      ^^^^^
    "
  `);
});
test("an initialiser with a prime", () => {
  expect(mistake("h' = tanh(W @ x)\nh' ~ ones")).toMatchInlineSnapshot(`
    "
    line 2, column 1: an initialiser is for a parameter, found h'. Write h ~ ... without the '.
      h' ~ ones
      ^^
    "
  `);
});
test("a second initialiser", () => {
  expect(mistake("y = W @ x\nW ~ ones\nW ~ zeros")).toMatchInlineSnapshot(`
    "
    line 3, column 1: a second initialiser for W, after line 2. Remove one of the lines.
      W ~ zeros
      ^
    "
  `);
});
test("an unknown initialiser", () => {
  expect(mistake("y = W @ x\nW ~ glorot")).toMatchInlineSnapshot(`
    "
    line 2, column 5: unknown initialiser "glorot". Initialisers: zeros, ones, constant, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, orthogonal, identity, random_uniform, random_normal, decay_uniform, power_law.
      W ~ glorot
          ^^^^^^
    "
  `);
});
test("an unknown initialiser with a near one", () => {
  expect(mistake("y = W @ x\nW ~ one")).toMatchInlineSnapshot(`
    "
    line 2, column 5: unknown initialiser "one". Did you mean ones?
      W ~ one
          ^^^
    "
  `);
});
test("a number as initialiser", () => {
  expect(mistake("y = W @ x\nW ~ 1")).toMatchInlineSnapshot(`
    "
    line 2, column 5: expected an initialiser, found "1". Write constant(1).
      W ~ 1
          ^
    "
  `);
});
test("an initialiser without its numbers", () => {
  expect(mistake("y = W @ x\nW ~ random_uniform")).toMatchInlineSnapshot(`
    "
    line 2, column 5: random_uniform takes 2 arguments, got 0. Write random_uniform(min, max).
      W ~ random_uniform
          ^^^^^^^^^^^^^^
    "
  `);
});
test("an initialiser with too many numbers", () => {
  expect(mistake("y = W @ x\nW ~ ones(2)")).toMatchInlineSnapshot(`
    "
    line 2, column 5: ones takes no arguments, got 1. Write ones.
      W ~ ones(2)
          ^^^^^^^
    "
  `);
});
test("an initialiser with a name for a number", () => {
  expect(mistake("y = W @ x\nW ~ constant(one)")).toMatchInlineSnapshot(`
    "
    line 2, column 14: expected a number, found "one".
      W ~ constant(one)
                   ^^^
    "
  `);
});
test("an initialiser that is not closed", () => {
  expect(mistake("y = W @ x\nW ~ constant(1")).toMatchInlineSnapshot(`
    "
    line 2, column 13: this ( is never closed. Add the ).
      W ~ constant(1
                  ^
    "
  `);
});
test("a matrix's initialiser for a vector", () => {
  expect(mistake("y = x + b\nb ~ orthogonal")).toMatchInlineSnapshot(`
    "
    line 2, column 1: orthogonal is for a matrix, and b is a vector. Write b ~ zeros, ones or random_normal(mean, stddev).
      b ~ orthogonal
      ^
    "
  `);
});
test("random_uniform with min above max", () => {
  expect(mistake("y = x + b\nb ~ random_uniform(1, -1)")).toMatchInlineSnapshot(`
    "
    line 2, column 5: random_uniform(min, max) needs min <= max, got 1, -1.
      b ~ random_uniform(1, -1)
          ^^^^^^^^^^^^^^^^^^^^^
    "
  `);
});
test("random_normal with a negative deviation", () => {
  expect(mistake("y = x + b\nb ~ random_normal(0, -1)")).toMatchInlineSnapshot(`
    "
    line 2, column 5: random_normal(mean, stddev) needs stddev >= 0, got 0, -1.
      b ~ random_normal(0, -1)
          ^^^^^^^^^^^^^^^^^^^^
    "
  `);
});
test("a reserved name defined", () => {
  expect(mistake("tanh = x\ny = tanh")).toMatchInlineSnapshot(`
    "
    line 1, column 1: "tanh" is reserved: it is a function. Choose another name.
      tanh = x
      ^^^^
    "
  `);
});
test("a name that JavaScript keeps for itself", () => {
  for (const equations of ["__proto__' = x", "__proto__' = tanh(W @ x)", "y = x + __proto__"]) {
    expect(mistake(equations)).toContain('"__proto__" is reserved: it is a word of JavaScript\'s.');
  }
});
test("units as a value", () => {
  expect(mistake("y = x * units")).toMatchInlineSnapshot(`
    "
    line 1, column 9: "units" is reserved: it is the cell's size. It can stand only in a size line, as in k : units.
      y = x * units
              ^^^^^
    "
  `);
});
test("units defined", () => {
  expect(mistake("units = x\ny = x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: "units" is reserved: it is the cell's size. Choose another name.
      units = x
      ^^^^^
    "
  `);
});
test("the input defined", () => {
  expect(mistake("x = W @ x\ny = x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: x is an input, which no line can set. Choose another name for this value.
      x = W @ x
      ^
    "
  `);
});
test("the input as a state", () => {
  expect(mistake("x' = W @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: x is an input, which no line can set. Choose another name for this value.
      x' = W @ x
      ^^
    "
  `);
});
test("a setting defined", () => {
  expect(mistake("rate = x\ny = rate", { settings: ["rate"] })).toMatchInlineSnapshot(`
    "
    line 1, column 1: rate is a setting, which no line can set. Choose another name for this value.
      rate = x
      ^^^^
    "
  `);
});
test("a bracket that is never closed", () => {
  expect(mistake("f = sigmoid(W @ x\ng = tanh(V @ x)\ny = f * g")).toMatchInlineSnapshot(`
    "
    line 1, column 12: this ( is never closed. Add the ).
      f = sigmoid(W @ x
                 ^
    "
  `);
});
test("a bracket that is never closed at the end", () => {
  expect(mistake("y = tanh(W @ [x, x)")).toMatchInlineSnapshot(`
    "
    line 1, column 19: expected "]" or an operator, found ")".
      y = tanh(W @ [x, x)
                        ^
    "
  `);
});
test("a bracket that is never closed, after an operator", () => {
  expect(mistake("f = (W @ x +\ng = tanh(V @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: this ( is never closed. Add the ).
      f = (W @ x +
          ^
    "
  `);
});
test("a bracket that nothing opens", () => {
  expect(mistake("y = W @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 10: nothing opens this ). Remove it, or add the (.
      y = W @ x)
               ^
    "
  `);
});
test("the wrong closing bracket", () => {
  expect(mistake("y = tanh(x]")).toMatchInlineSnapshot(`
    "
    line 1, column 11: expected ")" or an operator, found "]".
      y = tanh(x]
                ^
    "
  `);
});
test("an empty bracket", () => {
  expect(mistake("y = () * x")).toMatchInlineSnapshot(`
    "
    line 1, column 6: there is nothing between ( and ). Write a value there.
      y = () * x
           ^
    "
  `);
});
test("an empty concatenation", () => {
  expect(mistake("y = []")).toMatchInlineSnapshot(`
    "
    line 1, column 6: there is nothing between [ and ]. Write vectors there: [a, b].
      y = []
           ^
    "
  `);
});
test("a comma in plain brackets", () => {
  expect(mistake("y = (x, x)")).toMatchInlineSnapshot(`
    "
    line 1, column 7: a comma within ( ) belongs to a function's arguments. To concatenate write [a, b].
      y = (x, x)
            ^
    "
  `);
});
test("a comma outside brackets", () => {
  expect(mistake("y = x, x")).toMatchInlineSnapshot(`
    "
    line 1, column 6: a comma stands within a function's ( ) or within [ ]. To concatenate write [a, b].
      y = x, x
           ^
    "
  `);
});
test("a stray character", () => {
  expect(mistake("y = x ^ 2")).toMatchInlineSnapshot(`
    "
    line 1, column 7: unexpected character "^". There is no power: write a * a, or exp(n * log(a)).
      y = x ^ 2
            ^
    "
  `);
});
test("a stray character with no advice", () => {
  expect(mistake("y = x $ 2")).toMatchInlineSnapshot(`
    "
    line 1, column 7: unexpected character "$". Equations have names, numbers and + - * / @ ( ) [ ] , =.
      y = x $ 2
            ^
    "
  `);
});
test("an invisible stray character", () => {
  expect(mistake("y = x\u200b")).toMatchInlineSnapshot(`
    "
    line 1, column 6: unexpected character U+200B. Equations have names, numbers and + - * / @ ( ) [ ] , =.
      y = x​
           ^
    "
  `);
});
test("a typographic prime", () => {
  expect(mistake("h’ = tanh(W @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 2: unexpected character "’". The mark of a state is the straight ', as in h'.
      h’ = tanh(W @ x)
       ^
    "
  `);
});
test("a prime after no name", () => {
  expect(mistake("y = 'x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: unexpected character "'". A ' comes right after a name, as in h', and marks the value now of a state.
      y = 'x
          ^
    "
  `);
});
test("two primes", () => {
  expect(mistake("h'' = tanh(W @ x)")).toMatchInlineSnapshot(`
    "
    line 1, column 1: h has two primes. A state has one: h' is its value now, h the one before.
      h'' = tanh(W @ x)
      ^^^
    "
  `);
});
test("no equations", () => {
  expect(mistake("")).toMatchInlineSnapshot(`
    "
    line 1, column 1: there are no equations. Write at least one line, such as y = W @ x + b.
    "
  `);
});
test("only comments and initialisers", () => {
  expect(mistake("# nothing\nb ~ ones")).toMatchInlineSnapshot(`
    "
    line 1, column 1: there are no equations. Write at least one line, such as y = W @ x + b.
      # nothing
      ^
    "
  `);
});
test("a line without =", () => {
  expect(mistake("y W @ x")).toMatchInlineSnapshot(`
    "
    line 1, column 3: expected "=" after y, found "W". A line is an equation y = ..., an initialiser y ~ ... or a size y : ...
      y W @ x
        ^
    "
  `);
});
test("a line that is an expression", () => {
  expect(mistake("W @ x + b")).toMatchInlineSnapshot(`
    "
    line 1, column 3: expected "=" after W, found "@". A line is an equation W = ..., an initialiser W ~ ... or a size W : ...
      W @ x + b
        ^
    "
  `);
});
test("an expression left of =", () => {
  expect(mistake("2 * y = x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: a line begins with the name of what it defines, as in f = W @ x, not with "2".
      2 * y = x
      ^
    "
  `);
});
test("a product left of =", () => {
  expect(mistake("f * g = x")).toMatchInlineSnapshot(`
    "
    line 1, column 3: one name stands left of "=", found "*" after f. Write f = ...
      f * g = x
        ^
    "
  `);
});
test("nothing left of =", () => {
  expect(mistake("= x")).toMatchInlineSnapshot(`
    "
    line 1, column 1: nothing stands before "=". Write the name of the value there: f = ...
      = x
      ^
    "
  `);
});
test("nothing right of =", () => {
  expect(mistake("y =")).toMatchInlineSnapshot(`
    "
    line 1, column 4: expected a value after "=", found the end of the line.
      y =
         ^
    "
  `);
});
test("a second =", () => {
  expect(mistake("y = f = x")).toMatchInlineSnapshot(`
    "
    line 1, column 7: a second "=". A line has one; each equation stands on a line of its own.
      y = f = x
            ^
    "
  `);
});
test("a ~ within an equation", () => {
  expect(mistake("y = W @ x ~ ones")).toMatchInlineSnapshot(`
    "
    line 1, column 11: "~" stands only right after the name that begins a line.
      y = W @ x ~ ones
                ^
    "
  `);
});
test("two values without an operator", () => {
  expect(mistake("y = W x")).toMatchInlineSnapshot(`
    "
    line 1, column 7: expected an operator or the end of the line, found "x". For a product write W @ x (a matrix and a vector) or W * x (elementwise).
      y = W x
            ^
    "
  `);
});
test("a number and a value without an operator", () => {
  expect(mistake("y = 2 (x + 1)")).toMatchInlineSnapshot(`
    "
    line 1, column 7: expected an operator or the end of the line, found "(". For a product write *.
      y = 2 (x + 1)
            ^
    "
  `);
});
test("two operators", () => {
  expect(mistake("y = x + * x")).toMatchInlineSnapshot(`
    "
    line 1, column 9: expected a value after "+", found "*".
      y = x + * x
              ^
    "
  `);
});
test("a number with two points", () => {
  expect(mistake("y = 1.2.3 * x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: "1.2.3" is not a number. Numbers look like 1, 0.5, .5 or 1e-5.
      y = 1.2.3 * x
          ^^^^^
    "
  `);
});
test("a number that ends in its point", () => {
  expect(mistake("y = 1. * x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: "1." is not a number. Numbers look like 1, 0.5, .5 or 1e-5.
      y = 1. * x
          ^^
    "
  `);
});
test("an exponent without digits", () => {
  expect(mistake("y = 1e * x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: "1e" is not a number. Numbers look like 1, 0.5, .5 or 1e-5.
      y = 1e * x
          ^^
    "
  `);
});
test("a number before a name", () => {
  expect(mistake("y = 2x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: "2x" is not a number. A name cannot begin with a digit; for a product write 2 * x.
      y = 2x
          ^^
    "
  `);
});
test("a number that is too large", () => {
  expect(mistake("y = 1e999 * x")).toMatchInlineSnapshot(`
    "
    line 1, column 5: the number 1e999 is too large. The largest is about 1.8e308.
      y = 1e999 * x
          ^^^^^
    "
  `);
});
test("no state and no y", () => {
  expect(mistake("f = W @ x\ng = tanh(f)")).toMatchInlineSnapshot(`
    "
    line 2, column 1: a cell without a state needs a line named y: its output. Write y = ... in place of g = ...
      g = tanh(f)
      ^
    "
  `);
});
test("a column counts code points", () => {
  expect(mistake("y = 𝛼 * sigmod(x)")).toMatchInlineSnapshot(`
    "
    line 1, column 9: unknown function "sigmod". Did you mean sigmoid?
      y = 𝛼 * sigmod(x)
              ^^^^^^
    "
  `);
});
test("nested too deep: brackets, signs and products", () => {
  for (const source of [
    `y = ${"(".repeat(50_000)}x`,
    `y = ${"-".repeat(50_000)}x`,
    `y = ${"W @ ".repeat(20_000)}x`,
    `y = ${"[".repeat(50_000)}x`,
    `y = ${"tanh(".repeat(15_000)}x`,
  ]) {
    expect(mistake(source)).toContain("this is nested more than 200 deep. Give its parts names in lines of their own.");
  }
  expect(mistake(`y = ${"(".repeat(300)}x`)).toMatchInlineSnapshot(`
    "
    line 1, column 205: this is nested more than 200 deep. Give its parts names in lines of their own.
      …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
                                               ^
    "
  `);
});
/** n values, each of the one before. */
const chain = (n: number, next: (before: string, k: number) => string): string =>
  Array.from({ length: n }, (_, k) => `a${k} = ${k === 0 ? "tanh(W @ x + U @ h)" : next(`a${k - 1}`, k)}`)
    .concat(`h' = a${n - 1}`)
    .join("\n");
test("a chain of more than 1000 operations, within a line or through lines", () => {
  for (const source of [
    chain(1500, (before, k) => `tanh(W${k} @ x + ${before})`),
    chain(1001, (before) => `tanh(${before})`),
    chain(501, (before, k) => `tanh(W${k} @ ${before})`),
    chain(999, (before) => `-${before}`).replace("U @ h", "U @ h'"),
    `h' = tanh(W @ x)\nC = outer(h', h')${Array.from({ length: 500 }, (_, k) => `\na${k} = C @ ${k === 0 ? "h" : `a${k - 1}`} + h`).join("")}\ny = a499`,
    `y = x${" + x".repeat(1001)}`,
    `y = x${" * x".repeat(20_000)}`,
  ]) {
    expect(mistake(source)).toContain("this is a chain of more than 1000 operations. Make it several layers.");
  }
  expect(mistake(chain(1500, (before, k) => `tanh(W${k} @ x + ${before})`))).toMatchInlineSnapshot(`
    "
    line 500, column 8: this is a chain of more than 1000 operations. Make it several layers.
      a499 = tanh(W499 @ x + a498)
             ^^^^^^^^^^^^^^^^^^^^^
    "
  `);
});
test("1000 operations one after another are a cell, and a value of the step before begins a new chain", () => {
  const long = [
    chain(997, (before) => `tanh(${before})`),
    chain(499, (before, k) => `${before} + ${before} * b${k}`),
    `h' = x${" + h".repeat(1000)}`,
    `g' = h${" + h".repeat(900)}\nh' = x${" + g".repeat(900)}`,
  ];
  for (const source of long) expect(cell(source).output).toBe("h'");
  const sizes = { units: 4, input: 4, batch: 2, steps: 3 };
  expect(explainCell("", cell(long[2] as string), sizes).both.nodes.length).toBeGreaterThan(1000);
});
test("too long a source", () => {
  expect(mistake("y = x\n".repeat(100_000))).toMatchInlineSnapshot(`
    "
    line 1, column 1: the equations have 599999 characters, at most 100000 are read. Is this the right file?
    "
  `);
});
test("too long a name", () => {
  expect(mistake(`y = ${"a".repeat(101)}`)).toMatchInlineSnapshot(`
    "
    line 1, column 5: a name has at most 100 letters, this one 101.
      y = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "
  `);
});
test("names of inputs and settings that are none", () => {
  expect(mistake("y = x", { inputs: ["2x"] })).toMatchInlineSnapshot(`
    "
    "2x" is not a name (letters, digits and underscores). Choose another name.
    "
  `);
  expect(mistake("y = x", { inputs: ["x", "x"] })).toMatchInlineSnapshot(`
    "
    "x" is given twice among inputs and settings. Choose another name.
    "
  `);
  expect(mistake("y = x", { settings: ["units"] })).toMatchInlineSnapshot(`
    "
    "units" is reserved: it is the cell's size. Choose another name.
    "
  `);
});
test("line and column count in the text as given, with its indentation", () => {
  try {
    cell("\n\n    h' = tanh(W @ x)\n    y = sigmod(h')\n  ");
  } catch (error) {
    expect(error).toMatchObject({ name: "EquationError", line: 4, column: 9 });
  }
  expect.assertions(1);
});
test("100,000 characters of valid lines compile", () => {
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `value_${i + 1} = tanh(value_${i % 400 === 0 ? 0 : i} + b) # ${"x".repeat(10)}`,
  );
  const made = cell(
    `value_0 = x\n${lines.join("\n")}\ny = value_400 + value_800 + value_1200 + value_1600 + value_2000\nb ~ ones`,
  );
  expect(made.names.length).toBe(2002);
});

test("numbers that an initialiser cannot take", () => {
  const given = ["lecun_normal(-1)", "random_normal(0, -1)", "decay_uniform(0.9, 1, 8)", "power_law(1, 2, 0)"];
  expect(given.map((call) => mistake(`y = x + b\nb ~ ${call}`).split("\n")[1])).toMatchInlineSnapshot(`
    [
      "line 2, column 5: lecun_normal(scale) needs scale >= 0, got -1.",
      "line 2, column 5: random_normal(mean, stddev) needs stddev >= 0, got 0, -1.",
      "line 2, column 5: decay_uniform(min, max, power) needs 0 < min <= max < 1 and power > 0, got 0.9, 1, 8.",
      "line 2, column 5: power_law(first, last, power) needs power > 0, got 1, 2, 0.",
    ]
  `);
});
test("the second number of sqrt", () => {
  expect(mistake("y = sqrt(x, b)")).toMatchInlineSnapshot(`
    "
    line 1, column 13: the second argument of sqrt, its largest derivative, must be a number above 0, as in sqrt(a, 1000).
      y = sqrt(x, b)
                  ^
    "
  `);
  expect(mistake("y = sqrt(x, -1)")).toMatchInlineSnapshot(`
    "
    line 1, column 13: the second argument of sqrt, its largest derivative, must be a number above 0, as in sqrt(a, 1000).
      y = sqrt(x, -1)
                  ^^
    "
  `);
  expect(mistake("y = sqrt(x, 1, 2)")).toMatchInlineSnapshot(`
    "
    line 1, column 5: sqrt takes 1 or 2 arguments, got 3.
      y = sqrt(x, 1, 2)
          ^^^^^^^^^^^^^
    "
  `);
});

test("a state that no line sets: a matrix or a concatenation before it, or its name, tells", () => {
  expect(mistake("y = tanh(W @ x + U @ h + b)")).toMatchInlineSnapshot(`
    "
    line 1, column 22: no line sets h', so h is no state but a learnt vector, the same at every step. For a state, which h reads as the step before left it, write \`h' = ...\` in place of \`y = ...\`. If h is a parameter, say so in a line: h ~ zeros
      y = tanh(W @ x + U @ h + b)
                           ^
    "
  `);
  expect(mistake("z = sigmoid(W_z @ x)\nh = 1 - z\ny = z * h + tanh(V @ [x, c])")).toMatchInlineSnapshot(`
    "
    line 3, column 26: no line sets c', so c is no state but a learnt vector, the same at every step. For a state, which c reads as the step before left it, write \`c' = ...\`. If c is a parameter, say so in a line: c ~ zeros
      y = z * h + tanh(V @ [x, c])
                               ^
    "
  `);
  expect(mistake("f = sigmoid(W_f @ x)\ny = f * h + (1 - f) * (W @ x)")).toMatchInlineSnapshot(`
    "
    line 2, column 9: no line sets h', so h is no state but a learnt vector, the same at every step. For a state, which h reads as the step before left it, write \`h' = ...\`. If h is a parameter, say so in a line: h ~ zeros
      y = f * h + (1 - f) * (W @ x)
              ^
    "
  `);
  expect(mistake("h' = tanh(W @ x + U @ h_prev + b)")).toMatchInlineSnapshot(`
    "
    line 1, column 23: no line sets h_prev', so h_prev is no state but a learnt vector, the same at every step. Read h: it is h' as the step before left it. If h_prev is a parameter, say so in a line: h_prev ~ zeros
      h' = tanh(W @ x + U @ h_prev + b)
                            ^^^^^^
    "
  `);
});
test("a vector that is learnt may stand there once a line says so, and a gain, a bias and a peephole need no line", () => {
  for (const equations of [
    "y = tanh(W @ x + U @ h + b)\nh ~ zeros",
    "y = tanh(V @ [x, c])\nc ~ ones",
    "y = V @ tanh(W @ x + b)",
    "y = V @ (gain * x + b)",
    "h' = sigmoid(W @ x + p * h) * softplus(L) + [b, c]",
  ]) {
    expect(cell(equations).source).toBe(equations);
  }
});

test("habits of NumPy, PyTorch and Keras are told what to write", () => {
  const message = (equations: string): string => refusal(() => cell(equations), EquationError).split("\n")[0] as string;
  for (const dotted of ["h' = np.tanh(W @ x + U @ h)", "h' = tanh(np.dot(W, x))", "self.h = W @ x"]) {
    expect(message(dotted)).toMatch(
      /unexpected character "\."\. There are no modules: write tanh\(x\) for np\.tanh\(x\)/,
    );
  }
  expect(message("h' = .a * h")).toContain("A number has a digit beside its point");
  const starts = "zeros is an initializer: for a parameter that starts so, write b ~ zeros";
  expect(message("h' = tanh(W @ x + U @ h + b)\nb = zeros")).toContain(starts);
  expect(message("b = zeros\nh' = tanh(W @ x + U @ h + b)")).toContain(starts);
  expect(message("h' = tanh(W @ x + U @ h + zeros(128))")).toContain(
    "Initial values have a line of their own: b ~ zeros.",
  );
  expect(cell("h' = tanh(W @ zeros + U @ h)", { inputs: ["zeros"] }).inputs).toEqual(["zeros"]);
  expect(cell("ones = sigmoid(W @ x)\ny = ones").output).toBe("y");
});
