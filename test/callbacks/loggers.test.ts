import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { csvLogger } from "../../src/callbacks/csv-logger.ts";
import { jsonLinesLogger } from "../../src/callbacks/json-lines-logger.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { idleRun, play } from "./runs.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const textOf = (name: string) => readFileSync(at(name), "utf8");
mkdirSync(at("folder"));

describe("csvLogger", () => {
  test("a header, then a row an epoch, there when the epoch ends", () => {
    const { onTrainBegin, onEpochEnd } = csvLogger(at("a.csv"));
    onTrainBegin?.(idleRun());
    expect(textOf("a.csv")).toBe("");
    onEpochEnd?.(0, { loss: 1.5, valLoss: 2 }, idleRun());
    expect(textOf("a.csv")).toBe("epoch,loss,valLoss\n0,1.5,2\n");
    onEpochEnd?.(1, { valLoss: 0.1 + 0.2, loss: 1e-7 }, idleRun());
    expect(textOf("a.csv")).toBe("epoch,loss,valLoss\n0,1.5,2\n1,1e-7,0.30000000000000004\n");
  });
  test("a name that comes later is a new column; what an epoch does not have is NA", async () => {
    await play(csvLogger(at("b.csv")), [{ loss: 3 }, { loss: 2, valLoss: 4 }, { loss: 1 }, { accuracy: 0.5 }]);
    expect(textOf("b.csv")).toBe("epoch,loss,valLoss,accuracy\n0,3,NA,NA\n1,2,4,NA\n2,1,NA,NA\n3,NA,NA,0.5\n");
  });
  test("append goes on with the columns of the file; without it the file begins anew", async () => {
    const [first, second] = [[{ loss: 3, valLoss: 1 }], [{ valLoss: 0, loss: 2, accuracy: 1 }]];
    await play(csvLogger(at("c.csv")), first);
    await play(csvLogger(at("c.csv"), { append: true }), second);
    expect(textOf("c.csv")).toBe("epoch,loss,valLoss,accuracy\n0,3,1,NA\n0,2,0,1\n");
    await play(csvLogger(at("c.csv")), second);
    expect(textOf("c.csv")).toBe("epoch,valLoss,loss,accuracy\n0,0,2,1\n");
    await play(csvLogger(at("new.csv"), { append: true }), first);
    expect(textOf("new.csv")).toBe("epoch,loss,valLoss\n0,3,1\n");
  });
  test("other separators; NaN and infinity as JavaScript writes them", async () => {
    await play(csvLogger(at("d.tsv"), { separator: "\t" }), [{ loss: Number.NaN, valLoss: Infinity }]);
    expect(textOf("d.tsv")).toBe("epoch\tloss\tvalLoss\n0\tNaN\tInfinity\n");
  });
  test.each(["", ",,", ".", "1", "-", "e", "\n", '"'])("separator %j is refused", (separator) => {
    expect(() => csvLogger(at("e.csv"), { separator })).toThrow(
      `csvLogger: separator must be one character that is in no number, got ${JSON.stringify(separator)}`,
    );
  });
  test("a name with the separator in it is refused", () => {
    const { onTrainBegin, onEpochEnd } = csvLogger(at("f.csv"), { separator: " " });
    onTrainBegin?.(idleRun());
    expect(() => onEpochEnd?.(0, { "a b": 1 }, idleRun())).toThrow(
      'csvLogger: a column cannot be named "a b". Use another separator.',
    );
  });
  test("a file that is no log is not appended to, and stays as it is", () => {
    writeFileSync(at("g.csv"), "name,age\n");
    expect(() => csvLogger(at("g.csv"), { append: true }).onTrainBegin?.(idleRun())).toThrow(
      'g.csv: its first column is not "epoch", so it is not a log to append to. Give another name.',
    );
    expect(textOf("g.csv")).toBe("name,age\n");
  });
  test("a path that cannot be written is said when the training begins", () => {
    expect(() => csvLogger(at("folder")).onTrainBegin?.(idleRun())).toThrow(/folder: is a folder/);
    expect(() => csvLogger(at("no/a.csv")).onTrainBegin?.(idleRun())).toThrow(/there is no folder .*no\. Create it/);
  });
});

describe("jsonLinesLogger", () => {
  test("one object an epoch, there when the epoch ends", () => {
    const { onTrainBegin, onEpochEnd } = jsonLinesLogger(at("a.jsonl"));
    onTrainBegin?.(idleRun());
    onEpochEnd?.(0, { loss: 1.5, valLoss: Number.NaN }, { ...idleRun(), step: 20 });
    expect(textOf("a.jsonl")).toBe('{"epoch":0,"step":20,"loss":1.5,"valLoss":null}\n');
    onEpochEnd?.(1, { loss: 1.25 }, { ...idleRun(), step: 40 });
    expect(textOf("a.jsonl").split("\n")[1]).toBe('{"epoch":1,"step":40,"loss":1.25}');
  });
  test("append keeps what is there; without it the file begins anew", async () => {
    await play(jsonLinesLogger(at("b.jsonl")), [{ loss: 2 }]);
    await play(jsonLinesLogger(at("b.jsonl"), { append: true }), [{ loss: 1 }]);
    expect(textOf("b.jsonl")).toBe('{"epoch":0,"step":2,"loss":2}\n{"epoch":0,"step":2,"loss":1}\n');
    await play(jsonLinesLogger(at("b.jsonl")), []);
    expect(textOf("b.jsonl")).toBe("");
  });
  test("a path that cannot be written is said when the training begins", () => {
    expect(() => jsonLinesLogger(at("folder"), { append: true }).onTrainBegin?.(idleRun())).toThrow(
      /folder: is a folder\. Give the name of a file to write\.$/,
    );
  });
});
