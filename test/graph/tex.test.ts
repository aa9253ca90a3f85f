import { expect, test } from "vitest";
import { lstm } from "../../src/cells/index.ts";
import { cell } from "../../src/graph/cell.ts";
import { texOf } from "../../src/graph/tex.ts";

test("the LSTM as papers write it", () => {
  expect(texOf(lstm)).toMatchInlineSnapshot(`
    "\\begin{aligned}
    f_t &= \\sigma(W_f x_t + U_f h_{t-1} + b_f) \\\\
    i_t &= \\sigma(W_i x_t + U_i h_{t-1} + b_i) \\\\
    g_t &= \\tanh(W_g x_t + U_g h_{t-1} + b_g) \\\\
    o_t &= \\sigma(W_o x_t + U_o h_{t-1} + b_o) \\\\
    c_t &= f_t \\odot c_{t-1} + i_t \\odot g_t \\\\
    h_t &= o_t \\odot \\tanh(c_t)
    \\end{aligned}"
  `);
});

test("with parts, each line has a class of its name, each product one of its matrix", () => {
  expect(texOf(cell("h' = W @ x + a * h"), { parts: true })).toMatchInlineSnapshot(`
    "\\begin{aligned}
    \\htmlClass{part-h}{h_t} &\\htmlClass{part-h}{{}= \\htmlClass{part-W}{W x_t} + a \\odot h_{t-1}}
    \\end{aligned}"
  `);
});

test("matrices: outer products, a state and a line times a vector", () => {
  const made = cell(`
    D  = outer(v, x + v)
    C' = sum(x) * C + tanh(C) * D + outer(W @ x, -x)
    y  = C' @ (C @ x) / sqrt(size(x)) + D @ x
  `);
  expect(texOf(made)).toMatchInlineSnapshot(`
    "\\begin{aligned}
    D_t &= v (x_t + v)^{\\top} \\\\
    C_t &= \\operatorname{sum}(x_t) \\, C_{t-1} + \\tanh(C_{t-1}) \\odot D_t + W x_t (-x_t)^{\\top} \\\\
    y_t &= \\frac{C_t C_{t-1} x_t}{\\sqrt{\\operatorname{size}(x_t)}} + D_t x_t
    \\end{aligned}"
  `);
});

test("Adam: Greek names, fractions, numbers that meet vectors", () => {
  const adam = cell(
    `
      m' = beta1 * m + (1 - beta1) * g
      v' = beta2 * v + (1 - beta2) * g * g
      w' = w - rate * m' / (sqrt(v') + 1e-8)
      `,
    { inputs: ["g"], settings: ["rate", "beta1", "beta2"] },
  );
  expect(texOf(adam)).toMatchInlineSnapshot(`
    "\\begin{aligned}
    m_t &= \\beta_1 \\, m_{t-1} + (1 - \\beta_1) \\, g_t \\\\
    v_t &= \\beta_2 \\, v_{t-1} + (1 - \\beta_2) \\, g_t \\odot g_t \\\\
    w_t &= w_{t-1} - \\frac{\\mathit{rate} \\, m_t}{\\sqrt{v_t} + 10^{-8}}
    \\end{aligned}"
  `);
});

test("brackets where they are needed, subscripts, concatenation, reductions", () => {
  const made = cell(`
    gate_1 = hard_sigmoid(W_hidden_out @ [x, h] - (b - 1) / 2)
    h' = gate_1 * (h + -x) - (x - 2 * 3) + U @ (h * x) + V @ W @ -h
    y = abs(h') * max(x) + 2.5e-9 * mean(x) * min(h, x)
  `);
  expect(texOf(made)).toMatchInlineSnapshot(`
    "\\begin{aligned}
    \\mathit{gate}_{1,t} &= \\operatorname{hard\\_sigmoid}\\left(W_{\\mathrm{hidden},\\mathrm{out}} \\left[x_t; h_{t-1}\\right] - \\frac{b - 1}{2}\\right) \\\\
    h_t &= \\mathit{gate}_{1,t} \\odot (h_{t-1} + (-x_t)) - (x_t - 2 \\cdot 3) + U (h_{t-1} \\odot x_t) + V W (-h_{t-1}) \\\\
    y_t &= \\left|h_t\\right| \\, \\max(x_t) + 2.5 \\cdot 10^{-9} \\, \\operatorname{mean}(x_t) \\, \\min(h_{t-1}, x_t)
    \\end{aligned}"
  `);
});

test("the largest derivative of a root is nothing that its formula says", () => {
  expect(texOf(cell("y = sqrt(x, 1000)"))).toBe(texOf(cell("y = sqrt(x)")));
});
