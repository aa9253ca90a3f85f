import { describe, expect, test } from "vitest";
import { gru, lstm, mLstm } from "../../src/cells/index.ts";
import { grad } from "../../src/grad/grad.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { dense, lstm as lstmLayer, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { factsOf } from "../../src/schedule/facts.ts";
import { printPlan } from "../../src/schedule/print.ts";
import { cellGraph, trainingGraph } from "../helpers/networks.ts";
import { schedule } from "../helpers/plans.ts";

const sizes = { units: 8, input: 4 };
const run = { steps: 5, batch: 2 };
const forward = (made: Cell) => schedule(cellGraph(made, sizes), { ...run, keep: ["output"] });
const training = (made: Cell) => schedule(trainingGraph(made, sizes), { ...run });

const minGru = cell(`
  z  = sigmoid(W_z @ x + b_z)
  g  = W_h @ x + b_h
  h' = (1 - z) * h + z * g
`);
const shifted = cell(`
  p' = x
  h' = tanh(W @ x + V @ p + U @ h + b)
`);
const layerNormLstm = cell(`
  a  = W @ x + U @ h
  m  = a - mean(a)
  n  = s * m / sqrt(mean(m * m) + 1e-5) + b
  f  = sigmoid(n + b_f)
  g  = tanh(n)
  c' = f * c + (1 - f) * g
  k  = c' - mean(c')
  h' = f * tanh(q * k / sqrt(mean(k * k) + 1e-5) + r)
`);

describe("the plan as text", () => {
  test("lstm: one product for the four gates, the input's product hoisted, one fused pass in the loop", () => {
    expect(printPlan(forward(lstm))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W_f cell.W_i cell.W_g cell.W_o] @ x : 4 to 32  (merged: 4 in one)
      for t = 0 to 4
        product [cell.U_f cell.U_i cell.U_g cell.U_o] @ cell.h : 8 to 32  (merged: 4 in one)
        pass    cell.c' cell.h' : 8 features, 17 operations fused
      for all 5 steps at once
        pass    %34 = sum : 8 features, 1 operations fused
        sum     loss = %34"
    `);
    const { hoisted, merged, fused } = factsOf(forward(lstm));
    expect(hoisted).toEqual(["cell.W_f", "cell.W_i", "cell.W_g", "cell.W_o"]);
    expect(merged).toContainEqual(["cell.U_f", "cell.U_i", "cell.U_g", "cell.U_o"]);
    expect(fused).toBe(1);
  });
  test("mlstm: the memory is written in one pass, and read for all steps at once", () => {
    expect(printPlan(forward(mLstm))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W_q cell.W_k cell.W_v cell.W_o cell.W_i cell.W_f] @ x : 4 to 40  (merged: 6 in one)
        pass    cell.q cell.k cell.v : 8 features, 4 operations fused
        pass    %27 : 1 features, 3 operations fused
      for t = 0 to 4
        pass    cell.m' : 1 features, 4 operations fused
      for all 5 steps at once
        pass    cell.i = sum cell.f = sum %49 = sum : 1 features, 7 operations fused
      for t = 0 to 4
        pass    cell.C' : 8x8 numbers, 4 operations fused
      for t = 0 to 4
        pass    cell.n' : 8 features, 3 operations fused
      for all 5 steps at once
        pass    %47 = sum : 8 features, 1 operations fused
        pass    %59 = sum_rows : 8x8 numbers, 1 operations fused
        pass    cell.y %64 = sum : 8 features, 11 operations fused
        sum     loss = %64"
    `);
  });
  test("lstm with its gradient: every weight gradient after the loops, two products in all", () => {
    expect(printPlan(training(lstm))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W_f cell.W_i cell.W_g cell.W_o] @ x : 4 to 32  (merged: 4 in one)
      for t = 0 to 4
        product [cell.U_f cell.U_i cell.U_g cell.U_o] @ cell.h : 8 to 32  (merged: 4 in one)
        pass    cell.f cell.i cell.g cell.o cell.c' %30 cell.h' : 8 features, 17 operations fused
      for all 5 steps at once
        pass    %34 = sum : 8 features, 1 operations fused
        sum     loss = %34
      for t = 4 to 0
        pass    d cell.c %54 %60 %67 %74 : 8 features, 25 operations fused
        product [cell.U_oᵀ cell.U_gᵀ cell.U_iᵀ cell.U_fᵀ] @ %54 : 32 to 8  (merged: 4 in one)
      for all 5 steps at once
        product d cell.U_o d cell.U_g d cell.U_i d cell.U_f = %54, ... times cell.h, summed over steps and examples
        product d cell.W_o d cell.W_g d cell.W_i d cell.W_f = %54, ... times x, summed over steps and examples
        sum     d cell.b_o = %54, over steps and examples
        sum     d cell.b_g = %60, over steps and examples
        sum     d cell.b_i = %67, over steps and examples
        sum     d cell.b_f = %74, over steps and examples"
    `);
  });
  test("gru with its gradient", () => {
    expect(printPlan(training(gru))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W_z cell.W_r cell.W_g] @ x : 4 to 24  (merged: 3 in one)
      for t = 0 to 4
        product [cell.U_z cell.U_r] @ cell.h : 8 to 16  (merged: 2 in one)
        pass    cell.z cell.r %16 : 8 features, 7 operations fused
        product [cell.U_g] @ %16 : 8 to 8
        pass    cell.g cell.h' : 8 features, 7 operations fused
      for all 5 steps at once
        pass    %28 = sum : 8 features, 1 operations fused
        sum     loss = %28
      for t = 4 to 0
        pass    %42 %57 : 8 features, 14 operations fused
        product [cell.U_gᵀ] @ %42 : 8 to 8
        pass    %51 : 8 features, 4 operations fused
        product [cell.U_rᵀ cell.U_zᵀ] @ %51 : 16 to 8  (merged: 2 in one)
        pass    d cell.h : 8 features, 7 operations fused
      for all 5 steps at once
        product d cell.U_g = %42 times %16, summed over steps and examples
        product d cell.W_r d cell.W_z d cell.W_g = %51, ... times x, summed over steps and examples
        product d cell.U_r d cell.U_z = %51, ... times cell.h, summed over steps and examples
        sum     d cell.b_g = %42, over steps and examples
        sum     d cell.b_r = %51, over steps and examples
        sum     d cell.b_z = %57, over steps and examples"
    `);
  });
  test("minGRU: every product hoisted, forward and backward", () => {
    const plan = training(minGru);
    expect(printPlan(plan)).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W_z cell.W_h] @ x : 4 to 16  (merged: 2 in one)
        pass    cell.z : 8 features, 2 operations fused
      for t = 0 to 4
        pass    cell.h' : 8 features, 5 operations fused
      for t = 4 to 0
        pass    d cell.h : 8 features, 5 operations fused
      for all 5 steps at once
        pass    d cell.g %30 %16 = sum : 8 features, 13 operations fused
        sum     loss = %16
        product d cell.W_h d cell.W_z = d cell.g, ... times x, summed over steps and examples
        sum     d cell.b_h = d cell.g, over steps and examples
        sum     d cell.b_z = %30, over steps and examples"
    `);
    for (const instruction of plan.sections[0]?.instructions ?? []) {
      if (instruction.kind === "loop") for (const one of instruction.body) expect(one.kind).toBe("pass");
    }
  });
  test("a state that only shifts the input is hoisted, and so are the products that read it", () => {
    expect(printPlan(forward(shifted))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W] @ x : 4 to 8
        pass    x : 4 features, 0 operations fused
        product [cell.V] @ cell.p : 4 to 8
      for t = 0 to 4
        product [cell.U] @ cell.h : 8 to 8
        pass    cell.h' : 8 features, 4 operations fused
      for all 5 steps at once
        pass    %13 = sum : 8 features, 1 operations fused
        sum     loss = %13"
    `);
    expect(factsOf(forward(shifted)).hoisted).toEqual(expect.arrayContaining(["cell.W", "cell.V"]));
  });
  test("an LSTM with layer normalisation", () => {
    expect(printPlan(forward(layerNormLstm))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [cell.W] @ x : 4 to 8
      for t = 0 to 4
        product [cell.U] @ cell.h : 8 to 8
        pass    %11 = sum : 8 features, 1 operations fused
        pass    %17 = sum : 8 features, 4 operations fused
        pass    cell.f cell.c' %32 = sum : 8 features, 16 operations fused
        pass    %37 = sum : 8 features, 3 operations fused
        pass    cell.h' : 8 features, 10 operations fused
      for all 5 steps at once
        pass    %47 = sum : 8 features, 1 operations fused
        sum     loss = %47"
    `);
  });
  test("two layers: the second waits for the first, and its product by the first's output is hoisted", () => {
    const all = { returnSequences: true };
    const model = sequential([lstmLayer(8, all), recurrent(minGru, { ...all, units: 8, name: "second" }), dense(3)], {
      input: 4,
    });
    const { graph } = modelGraph(model, { training: true });
    expect(printPlan(schedule(graph, { ...run, keep: ["output"] }))).toMatchInlineSnapshot(`
      "for all 5 steps at once
        product [lstm.W_f lstm.W_i lstm.W_g lstm.W_o] @ x : 4 to 32  (merged: 4 in one)
      for t = 0 to 4
        product [lstm.U_f lstm.U_i lstm.U_g lstm.U_o] @ lstm.h : 8 to 32  (merged: 4 in one)
        pass    lstm.c' lstm.h' : 8 features, 17 operations fused
      for all 5 steps at once
        product [second.W_z second.W_h] @ lstm.h' : 8 to 16  (merged: 2 in one)
      for t = 0 to 4
        pass    second.h' : 8 features, 7 operations fused
      for all 5 steps at once
        product [dense.W] @ second.h' : 8 to 4
        pass    dense.y : 3 features, 1 operations fused"
    `);
    expect(grad(graph, "output").nodes.length).toBeGreaterThan(graph.nodes.length);
  });
});
