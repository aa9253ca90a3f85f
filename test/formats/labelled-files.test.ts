import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  readLabelled,
  readRecording,
  readSeries,
  readTextColumn,
  readTextFiles,
} from "../../src/formats/labelled-files.ts";
import { writeWav } from "../../src/formats/wav.ts";
import { refusal } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
let count = 0;
/** A folder with these files; sound where the name ends in .wav and nothing else is given. */
function given(files: Readonly<Record<string, string | undefined>>): string {
  const own = join(folder, `${count++}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    writeFileSync(join(own, name), text ?? writeWav([0, 0.5, -0.5], 8000));
  }
  return own;
}
const labels = (path: string): unknown =>
  readLabelled(path).examples.map(({ name, label }) => [name.slice(path.length + 1), label]);

describe("a folder", () => {
  test("whose files have labels in their names", () => {
    const path = given({
      "7_anna_1.wav": undefined,
      "10_ben.WAV": undefined,
      ".hidden_1.wav": undefined,
      "notes.txt": "a",
    });
    expect(labels(path)).toEqual([
      ["10_ben.WAV", "10"],
      ["7_anna_1.wav", "7"],
    ]);
    const { kind, examples } = readLabelled(path);
    expect([kind, examples[0]]).toMatchObject(["audio", { sampleRate: 8000, samples: Float32Array.of(0, 0.5, -0.5) }]);
  });

  test("whose subfolders are labels, however deep", () => {
    expect(labels(given({ "yes/a.wav": undefined, "no/deep/b_c.wav": undefined }))).toEqual([
      ["no/deep/b_c.wav", "no"],
      ["yes/a.wav", "yes"],
    ]);
  });
});

test("a table of files, relative to it, with groups", () => {
  const path = given({
    "a.wav": undefined,
    "sub/b.wav": undefined,
    "list.csv": "\uFEFFFile;label;group\r\na.wav;yes;1\nsub/b.wav;no;2\r\n",
  });
  expect(readLabelled(join(path, "list.csv")).examples).toMatchObject([
    { name: join(path, "a.wav"), label: "yes", group: "1" },
    { name: join(path, "sub/b.wav"), label: "no", group: "2", where: `${path}/list.csv: line 3, column "label"` },
  ]);
});

test("a folder of texts, with labels as recordings have them", () => {
  expect(labels(given({ "good/a.txt": "fine", "bad/b.txt": "no" }))).toEqual([
    ["bad/b.txt", "bad"],
    ["good/a.txt", "good"],
  ]);
  const { kind, examples } = readLabelled(given({ "good_1.txt": "fine\n", "bad_1.txt": "no" }));
  expect([kind, examples.map((one) => ("text" in one ? [one.text, one.label] : []))]).toEqual([
    "text",
    [
      ["no", "bad"],
      ["fine\n", "good"],
    ],
  ]);
});

test("a table of texts: the columns text and label, or those that are named", () => {
  const path = given({
    "a.csv": 'label,Text\nx,a b\ny,"c, d"\n',
    "b.csv": "id;text;review;stars\n1;old;a b;5\n",
    "c.csv": "review,stars\na,5\n,4\n",
  });
  expect(readLabelled(join(path, "a.csv")).examples).toMatchObject([
    { text: "a b", label: "x", where: `${path}/a.csv: line 2, column "label"` },
    { text: "c, d", label: "y" },
  ]);
  const columns = { text: "review", label: "stars" };
  expect(readLabelled(join(path, "b.csv"), columns).examples).toMatchObject([{ text: "a b", label: "5" }]);
  expect(refusal(() => readLabelled(join(path, "c.csv"), columns))).toBe(
    `${path}/c.csv: line 3, column "text": is empty. Fill it in, or leave the line out.`,
  );
  expect(refusal(() => readLabelled(join(path, "c.csv"), { text: "title" }))).toContain(
    'line 1 has no column "title"; it has review, stars.',
  );
  expect(readTextColumn(join(path, "a.csv"))).toMatchObject([{ text: "a b" }, { text: "c, d" }]);
});

test("files of texts, a line each: the label is the ending of names that are alike but for it, else the name", () => {
  const path = given({ "rt.pos": "fine\n\ngood\r\n", "rt.neg": "no\n", "b.txt": "x", "empty.txt": "\n" });
  const at = (...names: string[]) => names.map((name) => join(path, name));
  expect(readTextFiles(at("rt.pos", "rt.neg")).examples).toMatchObject([
    { text: "fine", label: "pos", name: `${path}/rt.pos: line 1` },
    { text: "good", label: "pos", name: `${path}/rt.pos: line 3` },
    { text: "no", label: "neg" },
  ]);
  expect(readTextFiles(at("rt.pos", "b.txt")).examples.map(({ label }) => label)).toEqual(["rt", "rt", "b"]);
  expect(refusal(() => readTextFiles(at("rt.pos", "empty.txt")))).toBe(
    `${path}/empty.txt: has no text. Give one a line.`,
  );
  expect(refusal(() => readTextFiles(at("rt.pos", "rt.pos")))).toContain("which another file has");
});

test("a table of series: rows of one id are one series, in their order, wherever they stand", () => {
  const path = given({ "s.csv": "id,height,label,width\n1,1.5,up,2\n2,-3e2,down,+4\n1,2,up,.5\n" });
  const file = join(path, "s.csv");
  expect(readLabelled(file)).toEqual({
    kind: "numbers",
    columns: ["height", "width"],
    examples: [
      {
        name: `${file}: 1`,
        label: "up",
        where: `${file}: line 2, column "label"`,
        rows: [
          [1.5, 2],
          [2, 0.5],
        ],
      },
      { name: `${file}: 2`, label: "down", where: `${file}: line 3, column "label"`, rows: [[-300, 4]] },
    ],
  });
  const bare = given({ "s.csv": "id,height\n1,1\n" });
  expect(readSeries(join(bare, "s.csv"))).toEqual({
    columns: ["height"],
    series: [{ name: `${bare}/s.csv: 1`, rows: [[1]] }],
  });
});

describe("one line for", () => {
  const table = (text: string): string => join(given({ "t.csv": text, "a.wav": undefined }), "t.csv");
  test.each<[string, () => string, string]>([
    [
      "a folder without sound and texts",
      () => given({ "a.md": "a" }),
      ": has no .wav or .txt file. Give a folder with recordings or texts.",
    ],
    [
      "sound that is no WAV file among others",
      () => given({ "one/a.wav": undefined, "one/b.mp3": "x", "two/c.FLAC": "y" }),
      "/one/b.mp3: is no WAV file, nor is one other. Convert it to .wav, or move it elsewhere.",
    ],
    [
      "a name without a label",
      () => given({ "a.wav": undefined }),
      '/a.wav: its name has no label before a "_", as in seven_01.wav.',
    ],
    [
      "a file beside the subfolders",
      () => given({ "a.wav": undefined, "x/b.wav": undefined }),
      "/a.wav: lies beside the subfolders, whose names are the labels.",
    ],
    [
      "a folder with a file that is no sound",
      () => given({ "1_a.wav": "hello" }),
      "/1_a.wav: it is text, not a WAV file.",
    ],
    ["one file", () => join(given({ "1_a.wav": undefined }), "1_a.wav"), ": is one WAV file. Give a folder of them,"],
    [
      "a line of other fields",
      () => table("id,label,h\n1,a,2\n1,a\n"),
      ': line 3 has 2 fields, line 1 has 3 (between them: ","). Correct the line, or put texts with "," in quotes.',
    ],
    [
      "a table without labels",
      () => table("file,class\na.wav,1\n"),
      ': line 1 has no column "label"; it has file, class.',
    ],
    [
      "a table of neither kind",
      () => table("name,label\na.wav,1\n"),
      ': line 1 has no column "id"; it has name, label.',
    ],
    [
      "no rows",
      () => table("file,label\n"),
      ": has the names of columns and no rows. Give a table with one row a step.",
    ],
    ["a file that is not there", () => table("file,label\na.wav,1\nb.wav,1\n"), ': line 3, column "file": '],
    [
      "a file that is not there, by its name",
      () => table("file,label\na.wav,1\nb.wav,1\n"),
      "/b.wav: there is no such file.",
    ],
    [
      "a label that is missing",
      () => table("file,label\na.wav,1\na.wav,\n"),
      ': line 3, column "label": is empty. Fill it in, or leave the line out.',
    ],
    [
      "a series of two groups",
      () => table("id,label,group,a\n1,x,anna,2\n1,x,ben,2\n"),
      ': line 3, column "group": the series "1" has the group "ben" here and "anna" before. One series has one group.',
    ],
    [
      "a cell too many",
      () => table("id,label,a\n1,x,2\n1,x,2,3\n"),
      ': line 3 has 4 fields, line 1 has 3 (between them: ",").',
    ],
    [
      "a text in a column of numbers",
      () => table("id,label,a\n1,x,2\n1,x,two\n"),
      ': line 3, column "a": needs a number, got "two". Correct it.',
    ],
    [
      "a number as a program writes it",
      () => table("id,label,a\n1,x,0x10\n"),
      ': line 2, column "a": needs a number, got "0x10".',
    ],
    [
      "a decimal comma",
      () => table('id;label;a\n1;x;"2,5"\n'),
      ': line 2, column "a": needs a number, got "2,5". Write it with a point.',
    ],
    ["an empty cell", () => table("id,label,a\n1,x,\n"), ': line 2, column "a": needs a number, got "". Fill it in,'],
    [
      "a series with two labels",
      () => table("id,label,a\n1,x,2\n1,y,3\n"),
      ': line 3, column "label": the series "1" has the label "y" here and "x" before.',
    ],
    ["no numbers", () => table("id,label\n1,x\n"), ": line 1 has no column of numbers beside id, label."],
    [
      "a column twice",
      () => table("id,label,a,a\n1,x,1,2\n"),
      ': line 1: columns 3 and 4 are both called "a". Rename one.',
    ],
    [
      "an open quote",
      () => table('id,label,a\n1,x,"2\n'),
      ': line 2: a quote (") is opened, and not closed by the end of the file. Close it.',
    ],
  ])("%s", (_, make, message) => {
    const path = make();
    expect(refusal(() => readLabelled(path))).toContain(message);
    expect(refusal(() => readLabelled(path))).not.toContain("\n");
  });

  test("a recording that is not there", () => {
    expect(refusal(() => readRecording(join(folder, "no.wav")))).toContain("/no.wav: there is no such file.");
  });
});
