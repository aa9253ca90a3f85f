import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FlatArray, rowsOf } from "../../src/data/arrays.ts";
import {
  type Series,
  type SeriesBatch,
  TimeseriesGenerator,
  timeseriesDatasetFromArray,
} from "../../src/data/timeseries.ts";

const upTo = (length: number, from = 0) => Array.from({ length }, (_, i) => from + i);
const rows = (array: FlatArray) => rowsOf(array).map((row) => [...row]);
const allRows = (batches: Iterable<SeriesBatch>) => [...batches].flatMap(({ x }) => rows(x));
const allTargets = (batches: Iterable<SeriesBatch>) => [...batches].flatMap(({ y }) => [...y.data]);

describe("timeseriesDatasetFromArray", () => {
  test("Keras's first example: 99 values, windows of 10, every second value, every third start", () => {
    const dataset = timeseriesDatasetFromArray(upTo(99), null, 10, { sequenceStride: 3, samplingRate: 2 });
    const windows = [...dataset].flatMap(rows);
    expect(windows[0]).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(windows[1]).toEqual([3, 5, 7, 9, 11, 13, 15, 17, 19, 21]);
    expect(windows.at(-1)).toEqual([78, 80, 82, 84, 86, 88, 90, 92, 94, 96]);
  });

  test("Keras's second example: the target is the value after the window", () => {
    const series = upTo(100);
    const [batch] = timeseriesDatasetFromArray(series.slice(0, -10), series.slice(10), 10);
    expect(rows(batch!.x)[0]).toEqual(upTo(10));
    expect(batch!.y.data[0]).toBe(10);
    expect(batch!.x.shape).toEqual([81, 10]);
    expect(batch!.y.shape).toEqual([81]);
  });

  test("Keras's third example: windows that do not overlap", () => {
    const windows = [...timeseriesDatasetFromArray(upTo(100), null, 20, { sequenceStride: 20 })].flatMap(rows);
    expect(windows).toHaveLength(5);
    expect(windows[1]).toEqual(upTo(20, 20));
  });

  test("batches of batchSize, the last one smaller; a new pass begins anew", () => {
    const dataset = timeseriesDatasetFromArray(upTo(8), upTo(8, 100), 3, { batchSize: 4 });
    expect(dataset.count).toBe(2);
    for (let pass = 0; pass < 2; pass++) {
      expect([...dataset].map(({ x, y }) => [x.shape, y.shape])).toEqual([
        [[4, 3], [4]],
        [[2, 3], [2]],
      ]);
    }
    expect(allTargets(dataset)).toEqual(upTo(6, 100));
  });

  test("batchSize null gives single windows without an axis of windows", () => {
    const dataset = timeseriesDatasetFromArray(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      upTo(3),
      2,
      { batchSize: null },
    );
    expect(dataset.count).toBe(2);
    expect([...dataset]).toEqual([
      {
        x: { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] },
        y: { data: Float64Array.of(0), shape: [] },
      },
      {
        x: { data: Float64Array.of(3, 4, 5, 6), shape: [2, 2] },
        y: { data: Float64Array.of(1), shape: [] },
      },
    ]);
  });

  test("startIndex and endIndex: from the first to before the second; targets go by the same places", () => {
    const dataset = timeseriesDatasetFromArray(upTo(10), upTo(10, 100), 3, { startIndex: 2, endIndex: 7 });
    expect(allRows(dataset)).toEqual([
      [2, 3, 4],
      [3, 4, 5],
      [4, 5, 6],
    ]);
    expect(allTargets(dataset)).toEqual([102, 103, 104]);
  });

  test("fewer targets than windows leave windows out", () => {
    expect(allRows(timeseriesDatasetFromArray(upTo(10), [7, 8], 3))).toEqual([
      [0, 1, 2],
      [1, 2, 3],
    ]);
  });

  test("typed and flat data keep their kind of number", () => {
    const data = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
    const [batch] = timeseriesDatasetFromArray(data, Int32Array.of(7, 8, 9), 2);
    expect(batch).toEqual({
      x: { data: Float32Array.of(1, 2, 3, 4, 3, 4, 5, 6), shape: [2, 2, 2] },
      y: { data: Int32Array.of(7, 8), shape: [2] },
    });
  });

  test("shuffle: every window once, with its target, in another order in each pass; a seed repeats it", () => {
    const make = (seed: number | null) =>
      timeseriesDatasetFromArray(upTo(60), upTo(60, 100), 4, { shuffle: true, seed, batchSize: 7 });
    const dataset = make(3);
    const [first, second] = [allTargets(dataset), allTargets(dataset)];
    expect(first).not.toEqual(second);
    expect([...first].sort((a, b) => a - b)).toEqual(upTo(57, 100));
    expect(allRows(make(3)).map(([start]) => start! + 100)).toEqual(first);
    expect(allTargets(make(null))).toHaveLength(57);
  });

  test("a window longer than the data gives no batch, as in Keras", () => {
    expect([...timeseriesDatasetFromArray(upTo(4), null, 5)]).toEqual([]);
    expect(timeseriesDatasetFromArray(upTo(4), null, 5).count).toBe(0);
  });

  test("property: the windows are all that fit, in order", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.record({
          sequenceStride: fc.integer({ min: 1, max: 4 }),
          samplingRate: fc.integer({ min: 1, max: 4 }),
          batchSize: fc.integer({ min: 1, max: 9 }),
        }),
        (length, window, options) => {
          const expected: number[][] = [];
          for (let start = 0; start + (window - 1) * options.samplingRate < length; start += options.sequenceStride) {
            expected.push(Array.from({ length: window }, (_, t) => start + t * options.samplingRate));
          }
          const dataset = timeseriesDatasetFromArray(upTo(length), null, window, options);
          expect([...dataset].flatMap(rows)).toEqual(expected);
          expect([...dataset]).toHaveLength(dataset.count);
        },
      ),
    );
  });

  test("throws for options out of Keras's range, and for a target that is missing", () => {
    const make =
      (options: object, targets: number[] | null = null) =>
      () =>
        timeseriesDatasetFromArray(upTo(10), targets as number[], 3, options);
    expect(make({ startIndex: 10 })).toThrow("startIndex must be a whole number from 0 to 9, got 10");
    expect(make({ startIndex: 5, endIndex: 5 })).toThrow("endIndex must be a whole number from 6 to 9, got 5");
    expect(make({ endIndex: 10 })).toThrow("endIndex must be a whole number from 1 to 9, got 10");
    expect(make({ samplingRate: 10 })).toThrow("samplingRate must be a whole number from 1 to 9, got 10");
    expect(make({ sequenceStride: 0 })).toThrow("sequenceStride must be a whole number of at least 1, got 0");
    expect(make({ batchSize: 0 })).toThrow("batchSize must be a whole number of at least 1, or null, got 0");
    expect(make({ startIndex: 4 }, upTo(6))).toThrow(
      "timeseriesDatasetFromArray: targets: the window at 7 needs targets[7], but there are 6",
    );
    expect(() => timeseriesDatasetFromArray(upTo(10), null, 0)).toThrow(
      "sequenceLength must be a whole number of at least 1, got 0",
    );
    expect(() => timeseriesDatasetFromArray([5], null, 1)).toThrow(
      "timeseriesDatasetFromArray: data: needs at least 2 values in time order, got 1",
    );
    expect(() => timeseriesDatasetFromArray([[1, 2], [3]], null, 1)).toThrow(
      "data[1]: needs 2 values like its neighbours",
    );
  });
});

describe("TimeseriesGenerator", () => {
  test("the first window ends just before startIndex + length, where its target is", () => {
    const generator = new TimeseriesGenerator(upTo(10), upTo(10, 100), 3);
    expect(allRows(generator)).toEqual(upTo(7).map((start) => upTo(3, start)));
    expect(allTargets(generator)).toEqual(upTo(7, 103));
    expect(generator.count).toBe(1);
  });

  test("Keras's documented example: 50 vectors, length 10, every second value, batches of 2", () => {
    const series = upTo(50).map((value) => [value]);
    const generator = new TimeseriesGenerator(series, series, 10, { samplingRate: 2, batchSize: 2 });
    expect(generator.count).toBe(20);
    expect(generator.at(0)).toEqual({
      x: { data: Float64Array.of(0, 2, 4, 6, 8, 1, 3, 5, 7, 9), shape: [2, 5, 1] },
      y: { data: Float64Array.of(10, 11), shape: [2, 1] },
    });
  });

  test("stride goes from target to target, over the borders of batches", () => {
    const generator = new TimeseriesGenerator(upTo(20), upTo(20), 2, { stride: 3, batchSize: 2 });
    expect(allTargets(generator)).toEqual([2, 5, 8, 11, 14, 17]);
    expect(generator.count).toBe(3);
  });

  test("startIndex moves the first window, endIndex is the last target's place", () => {
    const generator = new TimeseriesGenerator(upTo(20), upTo(20), 3, { startIndex: 4, endIndex: 9 });
    expect(allTargets(generator)).toEqual([7, 8, 9]);
    expect(allRows(generator)[0]).toEqual([4, 5, 6]);
    expect(allTargets(new TimeseriesGenerator(upTo(5), upTo(5), 4))).toEqual([4]);
  });

  test("a length that samplingRate does not divide keeps the last part", () => {
    expect(rows(new TimeseriesGenerator(upTo(9), upTo(9), 5, { samplingRate: 2 }).at(0).x)[0]).toEqual([0, 2, 4]);
  });

  test("reverse turns each window round, vectors stay", () => {
    const series = upTo(5).map((value) => [value, -value]);
    const { x } = new TimeseriesGenerator(series, upTo(5), 2, { reverse: true }).at(0);
    expect(rows(x)[1]).toEqual([2, -2, 1, -1]);
  });

  test("shuffle draws batchSize rows each time, some twice; a seed repeats them", () => {
    const make = (seed: number) => new TimeseriesGenerator(upTo(8), upTo(8), 3, { shuffle: true, seed, batchSize: 50 });
    const { x, y } = make(1).at(0);
    expect(y.shape).toEqual([50]);
    expect(new Set(y.data)).toEqual(new Set([3, 4, 5, 6, 7]));
    rows(x).forEach((row, i) => expect(row).toEqual(upTo(3, (y.data[i] as number) - 3)));
    expect(make(1).at(0)).toEqual(make(1).at(0));
    expect(make(1).at(0)).not.toEqual(make(2).at(0));
  });

  test("throws where nothing fits, lengths differ, and for a batch that is none", () => {
    expect(() => new TimeseriesGenerator(upTo(5), upTo(4), 2)).toThrow(
      "TimeseriesGenerator: targets: needs as many as data, 5, got 4",
    );
    expect(() => new TimeseriesGenerator(upTo(5), upTo(5), 5)).toThrow(
      "the first target is at startIndex + length = 5, past the last one at 4",
    );
    expect(() => new TimeseriesGenerator(upTo(5), upTo(5), 2, { endIndex: 5 })).toThrow(
      "endIndex must be a whole number from 0 to 4, got 5",
    );
    expect(() => new TimeseriesGenerator(upTo(5), upTo(5), 0)).toThrow(
      "length must be a whole number of at least 1, got 0",
    );
    expect(() => new TimeseriesGenerator(upTo(5), upTo(5), 2).at(1)).toThrow(
      "batch must be a whole number from 0 to 0, got 1",
    );
  });
});

test("numbers stay what they are, fractions and their kind too; what is none is refused with its place", () => {
  const inputsOf = (series: Series) => [...timeseriesDatasetFromArray(series, null, 2)].map(({ data }) => data);
  expect(inputsOf([0.5, 1.5, 2])).toEqual([Float64Array.of(0.5, 1.5, 1.5, 2)]);
  expect(inputsOf(Float32Array.of(0.5, 1, 2))).toEqual([Float32Array.of(0.5, 1, 1, 2)]);
  expect(inputsOf({ data: [0.5, 2 ** 40, 2], shape: [3] } as never)).toEqual([
    Float64Array.of(0.5, 2 ** 40, 2 ** 40, 2),
  ]);
  expect(() => inputsOf([1, "2" as never, 3])).toThrow('data[1]: needs a number, got "2"');
  expect(() => inputsOf({ data: [1, "2", 3], shape: [3] } as never)).toThrow('data.data[1]: needs a number, got "2"');
  expect(() => inputsOf({ data: BigInt64Array.of(1n, 2n), shape: [2] } as never)).toThrow(
    "data.data[0]: needs a number, got 1n",
  );
});
