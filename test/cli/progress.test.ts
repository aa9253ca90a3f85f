/** What is seen of a training, in terminals of several sizes and elsewhere. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { conversionProgress } from "../../src/cli/convert-progress.ts";
import { lossChart, type Point } from "../../src/cli/loss-chart.ts";
import { wrap } from "../../src/cli/output.ts";
import { progressPrinter } from "../../src/cli/progress.ts";
import type { Progress } from "../../src/train/fit-stream-options.ts";
import { Screen } from "../helpers/screen.ts";

beforeEach(() => {
  vi.stubEnv("CI", undefined);
  vi.stubEnv("TERM", "xterm-256color");
  vi.stubEnv("NO_COLOR", "1");
});
const printers: ReturnType<typeof progressPrinter>[] = [];
afterEach(() => {
  for (const printer of printers.splice(0)) printer.end();
  vi.unstubAllEnvs();
});

/** A training of 4 epochs that takes 100 s: where it is at a share of it. */
function at(done: number, given: Partial<Progress> = {}): Progress {
  const [epoch, elapsedMs, remainingMs] = [4 * done, 100_000 * done, 100_000 * (1 - done)];
  const loss = 1.4 + 2 * Math.exp(-6 * done);
  const none = { milestone: false, validationLoss: null };
  return {
    step: Math.round(1000 * done),
    epoch,
    done,
    loss,
    ...none,
    tokensPerSecond: 81_234,
    elapsedMs,
    remainingMs,
    ...given,
  };
}
const validated = (done: number): Progress =>
  at(done, { milestone: true, validationLoss: 1.5 + 2 * Math.exp(-6 * done) });

const points = (count: number, loss: (share: number) => number): Point[] =>
  Array.from({ length: count }, (_, k) => ({ epoch: (4 * (k + 1)) / count, loss: loss((k + 1) / count) }));
const falling = points(60, (share) => 1.4 + 2 * Math.exp(-6 * share));
const paint = (text: string): string => text;

describe("the chart", () => {
  test("training and validation, between round numbers", () => {
    const losses = { training: falling, validation: points(4, (share) => 1.6 + 2 * Math.exp(-6 * share)) };
    expect(lossChart(losses, { width: 60, height: 9, paint }).join("\n")).toMatchInlineSnapshot(`
      "     loss  ⠒⠒ training  ● validation
      3.0 ┤  ⠸⡀
      2.7 ┤   ⠈⠢⡀
      2.4 ┤     ⠈⠒⢄
      2.1 ┤        ⠑⠢⢄⡀  ●
      1.8 ┤           ⠈⠑⠒⠤⣀⣀          ●
      1.5 ┤                 ⠉⠉⠑⠒⠒⠢⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀    ●            ●
      1.2 ┤                                     ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
          └0 epochs ─────1────────────2─────────────3────────────4"
    `);
  });

  test("40 columns, 5 rows", () => {
    const chart = lossChart({ training: falling, validation: points(2, () => 1.7) }, { width: 39, height: 5, paint });
    expect(chart.join("\n")).toMatchInlineSnapshot(`
      "   loss  ⠒⠒ training  ● validation
      3 ┤ ⠑⠒⢄⡀
      2 ┤    ⠈⠉⠒⠢⠤⢄⣀⣀⣀     ●                ●
      1 ┤             ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒
        └0 epochs ─────────2────────────────4"
    `);
  });

  test("a flat loss is a line in a range of its own", () => {
    const chart = lossChart({ training: points(9, () => 2.5), validation: [] }, { width: 40, height: 5, paint });
    expect(chart.join("\n")).toMatchInlineSnapshot(`
      "       loss  ⠒⠒ training
      2.500 ┤   ⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
      2.499 ┤
      2.498 ┤
            └0 epochs ───────2───────────────4"
    `);
  });

  test("one that breaks out is shown where it ended, however high", () => {
    const training = points(30, (share) => (share < 0.9 ? 2 : 3e8));
    expect(lossChart({ training, validation: [] }, { width: 40, height: 5, paint }).join("\n")).toMatchInlineSnapshot(`
      "        loss  ⠒⠒ training
      4.0e+8 ┤                            ⢀⣀⣀⣀
      2.0e+8 ┤                            ⡸
           0 ┤ ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠇
             └0 epochs ───────2──────────────4"
    `);
  });

  test.each([39, 60, 79, 100, 199])(
    "%i columns: every line fits, and the lower axis is as wide as they are",
    (width) => {
      for (let count = 2; count < 60; count++) {
        const losses = { training: falling.slice(0, count), validation: falling.slice(count - 1, count) };
        const chart = lossChart(losses, { width, height: 8, paint });
        expect(chart).toHaveLength(8);
        for (const line of chart) expect(line.length).toBeLessThanOrEqual(width);
        expect(chart.at(-1)).toHaveLength(width);
      }
    },
  );

  test("a book so long that an epoch is far away has small numbers at its axis", () => {
    const training = [1, 2, 3, 4].map((k) => ({ epoch: 1e-6 * k, loss: 5 - k }));
    const [last] = lossChart({ training, validation: [] }, { width: 60, height: 5, paint }).slice(-1);
    expect(last).toMatch(/└0 epochs ─+0\.000001─+0\.000002─+0\.000003─+0\.000004$/);
  });

  test("nothing before there are two points, and where there is no room", () => {
    const [training, validation] = [falling, [] as Point[]];
    expect(lossChart({ training: falling.slice(0, 1), validation }, { width: 60, height: 8, paint })).toEqual([]);
    expect(lossChart({ training, validation }, { width: 20, height: 8, paint })).toEqual([]);
    expect(lossChart({ training, validation }, { width: 60, height: 3, paint })).toEqual([]);
  });

  test("each curve is painted, also in the legend", () => {
    const tag = (text: string, curve: string): string => `<${curve[0]}>${text}</>`;
    const [legend, ...rows] = lossChart(
      { training: falling, validation: points(2, () => 1.7) },
      { width: 39, height: 5, paint: tag },
    );
    expect(legend).toBe("   loss  <t>⠒⠒ training</>  <v>● validation</>");
    expect(rows.join("").match(/<v>/g)).toHaveLength(2);
    expect(rows.join("").replace(/<t>[⠁-⣿]+<\/>|<v>●<\/>/g, "")).not.toMatch(/[⠁-⣿●]/);
  });
});

/** Half a training with a validation at a quarter, then what `rest` does. */
function half(screen: Screen, rest: (printer: ReturnType<typeof progressPrinter>) => void = () => {}): Screen {
  screen.write("$ unrolled train\n");
  const printer = progressPrinter(true, screen.stream);
  printers.push(printer);
  for (let k = 1; k < 25; k++) printer.show(at(k / 100));
  printer.show(validated(0.25));
  printer.sample("the whale\nwas \x1b[31mred\tand the sea was wide, and he was a man of the ship");
  for (let k = 26; k <= 50; k++) printer.show(at(k / 100));
  rest(printer);
  return screen;
}

test("words are kept whole where they fit; wide characters count as two", () => {
  expect(wrap("to be or not to be", 7)).toEqual(["to be", "or not", "to be"]);
  expect(wrap("incomprehensible", 6)).toEqual(["incomp", "rehens", "ible"]);
  expect(wrap("吾輩は猫である", 7)).toEqual(["吾輩は", "猫であ", "る"]);
  expect(wrap("", 7)).toEqual([""]);
});

describe("in a terminal", () => {
  test("80 x 24: lines that stay, the chart, the bar", () => {
    expect(half(new Screen(80, 24)).text()).toMatchInlineSnapshot(`
      "$ unrolled train
       25%  loss 1.846  validation 1.946  (2.81 bits/char)   81,234 tokens/s
            the whale↵was \\u{1b}[31mred→and the sea was wide, and he was a man of the
            ship
           loss  ⠒⠒ training  ● validation
      3.0 ┤     ⠈⠑⠢⢄⣀
      2.7 ┤          ⠉⠑⠢⣀
      2.4 ┤              ⠉⠉⠉⠒⠢⠤⣀⡀
      2.1 ┤                     ⠈⠉⠒⠒⠒⠤⠤⠤⣀⣀⣀
      1.8 ┤                                ⠉⠉⠉⠒⠒●⠤⠤⠤⠤⣀⣀⣀⣀⡀
      1.5 ┤                                              ⠈⠉⠉⠉⠉⠉⠑⠒⠒⠒⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⣀
      1.2 ┤
          └0 epochs ────────0.5────────────────1.0───────────────1.5──────────────2.0
      █████████▌░░░░░░░░░  50%  step     500  loss 1.500   81,234 tokens/s  50 s left"
    `);
  });

  test("40 x 10", () => {
    const screen = half(new Screen(40, 10));
    expect(screen.text()).toMatchInlineSnapshot(`
      "$ unrolled train
       25%  loss 1.846  validation 1.946
            the whale↵was \\u{1b}[31mred→and
            the sea was wide, and he was a
            man of the ship
         loss  ⠒⠒ training  ● validation
      3 ┤  ⠉⠑⠒⠤⠤⣀⣀
      2 ┤         ⠉⠉⠒⠒⠒⠢⠤⠤⠤●⣀⣀⣀⣀⣀⣀⡀
      1 ┤                         ⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
        └0 epochs ─────────1────────────────2
      ████▌░░░░  50%  loss 1.500  50 s left"
    `);
  });

  test("200 columns: no wider than 100", () => {
    const widths = half(new Screen(200, 50))
      .text()
      .split("\n")
      .map((line) => line.length);
    expect(Math.max(...widths)).toBe(100);
  });

  test("20 x 5: the bar alone", () => {
    expect(half(new Screen(20, 5)).visible()).toEqual([
      "      was wide, and",
      "      he was a man",
      "      of the ship",
      "██░░  50%",
      "",
    ]);
  });

  test("one write a frame, which writes each line over the one before it and clears only below", () => {
    const screen = new Screen(80, 24);
    half(screen, (printer) => {
      const from = screen.writes.length;
      printer.show(at(0.51));
      expect(screen.writes).toHaveLength(from + 1);
      const [start, ...lines] = (screen.writes[from] as string).split("\n");
      expect(start?.startsWith("\r\x1b[10A     loss")).toBe(true);
      expect(lines).toHaveLength(10);
      for (const line of [start, ...lines.slice(0, -1)])
        expect(line?.indexOf("\x1b[K")).toBe((line?.length as number) - 3);
      expect(lines.at(-1)).toBe("\x1b[J");
    });
  });

  test("at the end: the chart, where it ended, what it wrote", () => {
    const screen = half(new Screen(60, 12), (printer) => {
      printer.show(validated(1));
      printer.sample("Call me.");
      printer.end();
    });
    screen.write("Saved.\n");
    expect(screen.text()).toMatchInlineSnapshot(`
      "$ unrolled train
       25%  loss 1.846  validation 1.946  (2.81 bits/char)
            the whale↵was \\u{1b}[31mred→and the sea was wide, and
            he was a man of the ship
         loss  ⠒⠒ training  ● validation
      3 ┤ ⠈⠑⠒⠤⢄⣀
      2 ┤       ⠉⠉⠒⠒⠢⠤⠤●⣀⣀⣀⣀⣀                                   ●
      1 ┤                    ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒
        └0 epochs ─────1─────────────2────────────3─────────────4
      100%  loss 1.405  validation 1.505  (2.17 bits/char)
            Call me.
      Saved."
    `);
    expect(screen.listening).toBe(0);
  });

  test("stopped early: where it was stays below the chart, without a bar", () => {
    const screen = half(new Screen(60, 12), (printer) => printer.end());
    screen.write("Saved.\n");
    expect(screen.text().split("\n").slice(-3)).toEqual([
      expect.stringMatching(/^ +└0 epochs ─+0\.5─+1\.0─+1\.5─+2\.0$/),
      " 50%  step     500  loss 1.500   81,234 tokens/s  50 s left",
      "Saved.",
    ]);
  });

  test("what others print goes above it, whole lines or not, and comes out as it is", () => {
    const screen = new Screen(80, 24);
    half(screen, () => {
      screen.stream.write("(node:1) Warning: first\n");
      screen.stream.write("no end of line");
      screen.stream.write("a long warning ".repeat(12));
    });
    const [first, second] = [screen.text(), half(new Screen(80, 24)).text()].map((text) => text.split("\n"));
    const said = ["(node:1) Warning: first", "no end of line"];
    expect(first?.filter((line) => !second?.includes(line))).toEqual([
      ...said,
      ...("a long warning ".repeat(12).match(/.{1,80}/g) ?? []).map((line) => line.trimEnd()),
    ]);
    expect(first?.length).toBe((second?.length as number) + 5);
  });

  test.each([
    [
      [40, 24],
      [120, 24],
      [60, 30],
    ],
    [
      [50, 24],
      [100, 20],
    ],
    [
      [79, 24],
      [78, 24],
      [77, 24],
      [200, 50],
    ],
  ])("resized %j: the same as if it had always been so", (...sizes) => {
    const screen = new Screen(80, 24);
    half(screen, () => {
      for (const [columns, rows] of sizes) screen.resize(columns as number, rows as number);
    });
    const [columns, rows] = sizes.at(-1) as [number, number];
    const lines = (from: Screen): string[] => from.text().split("\n");
    const fresh = half(new Screen(columns, rows));
    const height = lines(fresh).length - lines(fresh).findIndex((line) => line.includes("⠒⠒ training"));
    expect(lines(screen).slice(-height)).toEqual(lines(fresh).slice(-height));
    expect(lines(screen).filter((line) => line.includes("⠒⠒ training"))).toHaveLength(1);
    expect(lines(screen).filter((line) => line.includes("█"))).toHaveLength(1);
  });

  test("NO_COLOR leaves no colours, and without it the curves have some", () => {
    const sequences = (from: Screen) =>
      new Set(
        from.writes
          .join("")
          .split("\x1b[")
          .slice(1)
          .map((rest) => rest.match(/^\d*[A-Za-z]/)?.[0].replace(/\d+A/, "A")),
      );
    expect([...sequences(half(new Screen(80, 24)))].sort()).toEqual(["A", "J", "K"]);
    vi.stubEnv("NO_COLOR", "");
    const screen = half(new Screen(80, 24));
    expect([...sequences(screen)].sort()).toEqual(["22m", "2m", "33m", "36m", "39m", "A", "J", "K"]);
    expect(screen.writes.at(-1)).toContain("\x1b[36m⠒⠒ training\x1b[39m  \x1b[33m● validation\x1b[39m");
    expect(screen.text()).toBe(half(new Screen(80, 24)).text());
  });

  test("a validation that is no number is said, not drawn", () => {
    const screen = half(new Screen(80, 24), (printer) =>
      printer.show(at(0.5, { milestone: true, validationLoss: Number.POSITIVE_INFINITY })),
    );
    expect(screen.text()).toContain(" 50%  step     500  loss 1.500  validation Infinity");
    expect(screen.text()).toContain("3.0 ┤");
    expect(screen.text()).toMatch(/█.* 50% {2}step .*loss 1\.500 {3}81,234 tokens\/s {2}50 s left$/);
  });

  test("ten thousand reports are drawn as a few are", () => {
    const drawn = [1e4, 250].map((count) => {
      const screen = new Screen(60, 20);
      const printer = progressPrinter(true, screen.stream);
      for (let k = 1; k <= count; k++) printer.show(at(k / count));
      printer.end();
      return screen.text();
    });
    expect(drawn[0]).toBe(drawn[1]);
  });
});

describe.each([
  ["CI", { CI: "true" }],
  ["TERM=dumb", { TERM: "dumb" }],
])("in a terminal with %s", (_, env) => {
  test("plain lines", () => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { writes } = half(new Screen(200, 24), (printer) => printer.end());
    for (const special of ["\x1b", "\r", "█"]) expect(writes.join("")).not.toContain(special);
  });
});

test("in a pipe: a line every 10 s and after each validation, the text in one line", () => {
  const screen = Object.assign(new Screen(80, 24), { isTTY: undefined as unknown as true });
  expect(half(screen).writes.join("")).toMatchInlineSnapshot(`
    "$ unrolled train
     11%  step     110  loss 2.434   81,234 tokens/s  1 min 29 s left
     22%  step     220  loss 1.934   81,234 tokens/s  1 min 18 s left
     25%  step     250  loss 1.846  validation 1.946  (2.81 bits/char)   81,234 tokens/s
          the whale↵was \\u{1b}[31mred→and the sea was wide, and he was a man of the ship
     36%  step     360  loss 1.631   81,234 tokens/s  1 min 04 s left
     47%  step     470  loss 1.519   81,234 tokens/s  53 s left
    "
  `);
});

describe("a conversion", () => {
  test("has a bar in place, over its bytes, and leaves nothing of it", () => {
    const screen = new Screen(60, 24);
    screen.write("$ unrolled convert\n");
    const progress = conversionProgress(200_000_000, screen.stream);
    progress.phase("reading");
    expect(screen.visible()[1]).toBe("░░░░░░░░░░░░░░░  0 of 400 MB  reading");
    progress.add(200_000_000);
    progress.phase("writing", 100_000_000);
    progress.add(50_000_000);
    expect(screen.visible().slice(1).join("\n").trimEnd()).toBe("████████████▌░░  250 of 300 MB  writing");
    progress.end();
    expect(screen.text()).toBe("$ unrolled convert");
    expect(screen.listening).toBe(0);
  });

  test("has none where it is short, and where there is no terminal", () => {
    const screen = new Screen(60, 24);
    conversionProgress(1_000_000, screen.stream).phase("reading");
    vi.stubEnv("TERM", "dumb");
    conversionProgress(200_000_000, screen.stream).phase("reading");
    expect(screen.writes).toEqual([]);
  });
});
