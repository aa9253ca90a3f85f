/** The tiles of AMX, where there is AMX and where there is not: each is executed in plain arithmetic, instruction by instruction. */
import { describe, expect, test, vi } from "vitest";
import { lstm } from "../../../src/cells/lstm.ts";
import type { EngineName } from "../../../src/engines/engine.ts";
import { amxRows, amxTile, tileConfiguration } from "../../../src/engines/native/amx.ts";
import { Assembler, type Label, rax, rcx, rdx } from "../../../src/engines/native/assembler.ts";
import { bf16Facts, requireTiles } from "../../../src/engines/native/bf16-unit.ts";
import { nativeEngine } from "../../../src/engines/native/engine.ts";
import type { NativeHost } from "../../../src/engines/native/executable-memory.ts";
import { type Tile, Tiles } from "../../../src/engines/native/matmul.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { toBf16 } from "../../../src/engines/reference/run.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { execute, pairOf, recorded } from "../../helpers/amx.ts";
import { cellError, chainError } from "../../helpers/bf16.ts";
import { host, isas } from "../../helpers/native.ts";

/** What `configureTiles` would read. */
function configurationOf(rows: number): Uint8Array {
  const a = new Assembler("avx512");
  tileConfiguration(a, rows);
  return a.finish().slice(0, 64);
}

const heights = [1, 7, 13, 16, 17, 25, 31, 32];
test.each(heights)("tiles of %i rows are configured: 64 bytes a row, at most 16 rows each", (rows) => {
  const bytes = configurationOf(rows);
  expect(bytes[0]).toBe(1);
  const [first, , second] = [...bytes.slice(48, 56)];
  expect((first as number) + (second as number)).toBe(rows);
  expect([...bytes.slice(48, 56)]).toEqual([first, first, second, second, first, second, 16, 16]);
  expect(Math.max(...bytes.slice(48, 56))).toBeLessThanOrEqual(16);
  for (let tile = 0; tile < 8; tile++) expect(bytes[16 + 2 * tile]).toBe(bytes[48 + tile] === 0 ? 0 : 64);
});

describe.each(heights)("a tile of %i rows", (rows) => {
  test.each([
    [1, 16, false],
    [2, 16, true],
    [2, 256, false],
  ] as const)("of %i vectors over %i pairs of the depth, added: %o", (vectors, depth, accumulate) => {
    const random = createRandom(rows);
    const columns = 16 * vectors;
    const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
    const [a, b, before] = [draw(rows * 2 * depth), draw(2 * depth * columns), draw(rows * columns)];
    const [strideA, stepB, strideC] = [4 * depth + 64, 128, 4 * columns + 64];
    const [atB, atC] = [rows * strideA, rows * strideA + depth * stepB];
    const words = new Uint32Array((atC + rows * strideC) / 4).fill(0x1234_5678);
    const floats = new Float32Array(words.buffer);
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < depth; k++) {
        words[(r * strideA) / 4 + k] = pairOf(
          a[r * 2 * depth + 2 * k] as number,
          a[r * 2 * depth + 2 * k + 1] as number,
        );
      }
      floats.set(before.subarray(r * columns, (r + 1) * columns), (atC + r * strideC) / 4);
    }
    for (let k = 0; k < depth; k++) {
      for (let c = 0; c < columns; c++) {
        words[(atB + k * stepB) / 4 + c] = pairOf(
          b[2 * k * columns + c] as number,
          b[(2 * k + 1) * columns + c] as number,
        );
      }
    }
    const untouched = words.slice();
    const tile = { rows, vectors, depth, strideA, stepA: 4, stepB, panelBytes: 0, strideC, accumulate };
    const code = recorded((assembler) => amxTile(assembler, tile, assembler.label()));
    execute(code, configurationOf(rows), words, { [rax]: 0, [rdx]: atB, [rcx]: atC });
    const got = floats.slice(atC / 4);
    let worst = 0;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        let sum = accumulate ? (before[r * columns + c] as number) : 0;
        for (let k = 0; k < 2 * depth; k++) {
          sum += toBf16(a[r * 2 * depth + k] as number) * toBf16(b[k * columns + c] as number);
        }
        worst = Math.max(worst, Math.abs(sum - (got[(r * strideC) / 4 + c] as number)));
        words[(atC + r * strideC) / 4 + c] = untouched[(atC + r * strideC) / 4 + c] as number;
      }
    }
    expect(worst).toBeLessThan(2e-7 * 2 * depth);
    // Nothing else has changed.
    expect(words).toEqual(untouched);
  });
});

test("the interpreter refuses a tile that is not configured, and an address outside of memory", () => {
  const tile = { rows: 20, vectors: 2, depth: 16, strideA: 64, stepA: 4, stepB: 128, panelBytes: 0, strideC: 128 };
  const code = recorded((a) => amxTile(a, { ...tile, accumulate: false }, a.label()));
  const run = (rows: number, words: number): void =>
    execute(code, configurationOf(rows), new Uint32Array(words), { [rax]: 0, [rdx]: 4096, [rcx]: 8192 });
  expect(() => run(10, 10_000)).toThrow("tile 2 is not configured");
  expect(() => run(20, 1000)).toThrow("outside");
  run(20, 10_000);
});

// Whole programs are made as for AMX, with its rows, depths and order, where only the tile itself is the one of AVX512_BF16.
const there = host !== undefined && isas.includes("avx512") && bf16Facts(host).avx512;
describe.skipIf(!there)("programs for AMX, whose tiles another unit computes", () => {
  const engine = "native as for amx" as EngineName;
  registerEngine(engine, async () =>
    nativeEngine(host as NativeHost, "avx512", targetFor("avx512", engine, true), "amx"),
  );
  /** Rows that the tiles are configured for, and whether a tile of other rows has run. */
  const cells = new Int32Array(2);
  let widest = 0;
  const asItWas = [rax, rcx];
  const storeCell = (a: Assembler, cell: number, value: number): void => {
    for (const one of asItWas) a.push(one);
    a.moveConstant(rax, (host as NativeHost).addressOf(cells));
    a.moveConstant(rcx, value);
    a.store({ base: rax, offset: 4 * cell }, rcx);
    for (const one of asItWas.toReversed()) a.pop(one);
  };
  /** Rows of both tiles of A, from the constants of the code. */
  const rowsIn = (a: Assembler, { constant }: { readonly constant: number }): number => {
    const { words } = a as unknown as { words: number[] };
    const bytes = new Uint8Array(Uint32Array.from(words.slice(constant / 4, constant / 4 + 16)).buffer);
    return (bytes[48] as number) + (bytes[50] as number);
  };

  /** A tile of 32 rows is made of smaller ones, each a function that the first calls. */
  function replaced(write: (tile: Tile, label: Label) => void): (a: Assembler, tile: Tile, label: Label) => void {
    return (a, tile, label) => {
      widest = Math.max(widest, tile.rows);
      const parts: (readonly [number, Label])[] = [];
      for (let row = 0; row < tile.rows; row += 8) parts.push([row, a.label()]);
      a.align(16);
      a.place(label);
      const right = a.label();
      a.push(rax);
      a.moveConstant(rax, (host as NativeHost).addressOf(cells));
      a.move(rax, { base: rax }, false);
      a.arithmeticWith("cmp", rax, tile.rows);
      a.pop(rax);
      a.jumpIf("e", right);
      storeCell(a, 1, 1);
      a.place(right);
      for (const [row, part] of parts) {
        for (const one of [rax, rdx, rcx]) a.push(one);
        a.arithmeticWith("add", rax, row * tile.strideA, true);
        a.arithmeticWith("add", rcx, row * tile.strideC, true);
        a.call(part);
        for (const one of [rcx, rdx, rax]) a.pop(one);
      }
      a.ret();
      for (const [row, part] of parts)
        write({ ...tile, rows: Math.min(8, tile.rows - row), bf16: "avx512_bf16" }, part);
    };
  }
  const asForAmx = async (run: () => Promise<void>): Promise<void> => {
    // As if the kernel permitted tiles: no instruction of theirs is left.
    requireTiles(host as NativeHost, () => 0);
    const prototype = Tiles.prototype as unknown as { write(tile: Tile, label: Label): void };
    const { write } = prototype;
    const spies = [
      vi.spyOn(prototype, "write").mockImplementation(function (this: { a: Assembler }, tile, label) {
        replaced((one, to) => write.call(this, one, to))(this.a, tile, label);
      }),
      vi.spyOn(Assembler.prototype, "configureTiles").mockImplementation(function (this: Assembler, from) {
        storeCell(this, 0, rowsIn(this, from as { readonly constant: number }));
      }),
      vi.spyOn(Assembler.prototype, "releaseTiles").mockImplementation(() => {}),
    ];
    try {
      await run();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    expect(cells[0]).toBeGreaterThan(0);
    expect(cells[1], "a tile of other rows than those configured").toBe(0);
    expect(widest).toBeGreaterThan(1);
    expect(widest).toBeLessThanOrEqual(amxRows);
  };

  test.each([
    [2, 3, 5, 2],
    [33, 17, 40, 3],
    [130, 64, 31, 50],
    [40, 700, 33, 16],
    [700, 40, 20, 171],
    [20, 36, 7, 1100],
  ] as const)("products %i to %i to %i of %i rows are sums of rounded operands", (...sizes) =>
    asForAmx(async () => {
      expect(await chainError(sizes, { engine, threads: 1 })).toBeLessThan(1e-5);
    }),
  );
  test("an LSTM, forward and all gradients", () =>
    asForAmx(async () => {
      expect(await cellError(lstm, { batch: 50, units: 70, steps: 3 }, { engine, threads: 1 })).toBeLessThan(1e-2);
    }));
});
