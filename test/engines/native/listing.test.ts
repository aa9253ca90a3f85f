/** The text of machine code says what its bytes do: the GNU assembler makes the same bytes of it. */
import { describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { Assembler } from "../../../src/engines/native/assembler.ts";
import { assemblyOf, isas } from "../../../src/engines/native/assembly.ts";
import { Listing, printListing } from "../../../src/engines/native/listing.ts";
import { emit } from "../../../src/engines/native/program.ts";
import type { Cell } from "../../../src/graph/cell.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { gnu } from "../../helpers/gnu-assembler.ts";
import { cellGraph, trainingGraph } from "../../helpers/networks.ts";
import { operationCases, operationGraph } from "../../helpers/operations.ts";
import { encodings } from "./encodings.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
type Build = Parameters<typeof operationGraph>[0];
/** Graphs that between them use every kind of instruction of a plan: tables, masks, sums of all kinds, matrices. */
const graphs: Readonly<Record<string, Graph>> = {
  "lstm, 17 units": trainingGraph(cells.lstm as Cell, { units: 17, input: 7 }),
  "gru, 33 units": trainingGraph(cells.gru as Cell, { units: 33, input: 8 }),
  "layer-norm-lstm": trainingGraph(cells["layer-norm-lstm"] as Cell, { units: 9, input: 5 }),
  mlstm: trainingGraph(cells.mlstm as Cell, { units: 6, input: 5 }),
  dense: cellGraph(cells.dense as Cell, { units: 300, input: 700 }),
  "a row of a table": operationGraph(operationCases.index["of a row"] as Build),
  dropout: operationGraph(operationCases.mask.dropout as Build),
  "the last state": operationGraph(operationCases.final["with dropout, and a row of a table"] as Build),
};
const keep = ["output", "loss"];

/** One spelling of what can be spelt in several ways. */
const plain = (text: string): string =>
  text
    .replace(/\{(load|rex|evex|vex3|disp32)\} /g, "")
    .replace(/\w+ ptr /g, "")
    .replace(/\*1\b/g, "")
    .replace(/ ?[+] 0\]/g, "]")
    .replace(/\b0x[0-9a-f]+/g, (number) => String(BigInt(number)));

describe.each(isas)("%s", (isa) => {
  test("of every instruction, with every kind of operand, it is the text that the GNU assembler was given", () => {
    for (const { text, make } of encodings[isa]) {
      const listing = new Listing();
      const a = new Assembler(isa, listing);
      make(a);
      a.finish();
      const lines = listing.lines.filter(({ kind }) => kind === "instruction").map((line) => plain(line.text));
      expect(lines.join("\n")).toBe(plain(text));
    }
  });

  test.each(Object.entries(graphs))(
    "%s: it has all bytes, as the GNU assembler makes them, and changes none",
    (_, graph) => {
      const all = [
        { steps: 1, batch: 1 },
        { steps: 5, batch: 33 },
      ].map((sizes) => assemblyOf(graph, { ...sizes, keep }, isa));
      for (const { plan, code, lines } of all) {
        expect(hex(emit(plan, isa, { fma: true }, 1).code)).toBe(hex(code));
        expect(lines.map(({ bytes }) => bytes).join("")).toBe(hex(code));
        let at = 0;
        for (const line of lines) {
          expect(line.at, line.text).toBe(line.kind === "comment" ? line.at : at);
          at += line.bytes.length / 2;
        }
      }
      const [{ code, lines }] = [all[Number(graph.nodes.length % 2 === 0)] as (typeof all)[0]];
      const theirs = gnu([printListing(lines, { exact: true })]);
      if (theirs !== undefined) expect(theirs[0] === hex(code)).toBe(true);
    },
  );

  test("three threads: the barrier and what each does", () => {
    const { plan } = assemblyOf(graphs["lstm, 17 units"] as Graph, { steps: 3, batch: 5, keep }, isa);
    const listing = new Listing();
    const { code } = emit(plan, isa, { fma: false }, 3, listing);
    const labels = listing.lines.filter(({ kind }) => kind === "label").map(({ text }) => text);
    for (const name of ["run:", "run_of_thread_0:", "run_of_thread_2:", "barrier:", "advance_states:"]) {
      expect(labels).toContain(name);
    }
    expect(new Set(labels).size).toBe(labels.length);
    const theirs = gnu([printListing(listing.lines, { exact: true })]);
    if (theirs !== undefined) expect(theirs[0] === hex(code)).toBe(true);
  });

  test("a comment for each instruction of the plan, values by name, constants by their numbers", () => {
    const graph = cellGraph(cells.lstm as Cell, { units: 64, input: 64 });
    const { lines } = assemblyOf(graph, { steps: 8, batch: 4, keep }, isa);
    const text = printListing(lines, { short: true });
    expect(text).toContain("# product [cell.W_f cell.W_i cell.W_g cell.W_o] @ x : 64 to 256  (merged: 4 in one)\n");
    expect(text).toContain("# for t = 0 to 7\n");
    expect(text).toContain(
      "#   product [cell.U_f cell.U_i cell.U_g cell.U_o] @ cell.h : 64 to 256  (merged: 4 in one)\n",
    );
    expect(text).toMatch(/ {4}vmovups +.mm\d+, .mmword ptr \[r15 \+ r\w+ \+ \d+\] +# cell\.c\n/);
    expect(text).toMatch(/ {4}v\w+ +.mm\d+, .*\[rip \+ constant_\d+\].* # -1\.44269502\n/);
    expect(text).toMatch(/ {4}call +tile_4_by_2_vectors\n/);
    expect(text).toMatch(/# weights to panels, .*\n {4}# \([\d,]+ instructions\)\n/);
    // Without what it is told, the GNU assembler chooses shorter forms, and takes all of it.
    gnu([printListing(lines)]);
    expect(text.length).toBeLessThan(printListing(lines).length);
    for (const line of lines) expect(line.text).not.toMatch(/undefined|NaN|\[object/);
  });
});
