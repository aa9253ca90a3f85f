import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCsv, readCsv, writeCsv } from "../../src/formats/csv.ts";

const read = (text: string, options = {}) => {
  const { columns, rows, lineOf } = parseCsv(text, options);
  return { columns, rows, lines: rows.map((_, row) => lineOf(row)) };
};

describe("parseCsv", () => {
  test("names, rows of texts as they are, and lines", () => {
    expect(read('\uFEFFmonth, "sales" \n2024-01, 0x10\n\n"a,""b""\nc",\n1,2\n')).toEqual({
      columns: ["month", "sales"],
      rows: [
        ["2024-01", "0x10"],
        ['a,"b"\nc', ""],
        ["1", "2"],
      ],
      lines: [2, 4, 6],
    });
  });

  test("lines are counted where none is empty", () => {
    expect(read('a,b\n1,"x\ny"\n3,4\n').lines).toEqual([2, 4]);
    expect(read('a,b\n1,"x\n\ny"\n  \n3,4\n').lines).toEqual([2, 6]);
  });

  test("line ends may mix", () => {
    const { rows, lines } = read('a,b\r\n1,2\n3,"4"\r\n5,6\r7,8');
    expect(rows.flat().join("")).toBe("12345678");
    expect(lines).toEqual([2, 3, 4, 5]);
  });

  test.each([
    ["a,b\n1,2\n", ["a", "b"]],
    ["a;b\n1,5;2,5\n", ["a", "b"]],
    ["a\tb\n1,5\t2;5\n", ["a", "b"]],
    ['"a;b",c\n1,2\n', ["a;b", "c"]],
    ["time;unit,value\nm,3\n", ["time;unit", "value"]],
    ["1,5;2,5\n1,5;2,5\n", ["1", "2"]],
    ["alone\n1\n", ["alone"]],
  ])("the delimiter of %j is found", (text, columns) => expect(read(text).columns).toEqual(columns));

  test("a first row of numbers, or of numbers and dates, is a row, unless header says otherwise", () => {
    expect(read("2024-01,5\n2024-02,6\n").rows).toHaveLength(2);
    expect(read("2024Q1,2024Q2\n5,6\n").columns).toEqual(["2024Q1", "2024Q2"]);
    expect(read("1,2\n3,4\n")).toMatchObject({ columns: ["1", "2"], lines: [1, 2] });
    expect(read("1990,1991\n3,4\n", { header: true })).toMatchObject({ columns: ["1990", "1991"], lines: [2] });
    expect(read("a,b\n3,4\n", { header: false }).rows).toHaveLength(2);
    expect(read(",b\n0,4\n").columns).toEqual(["1", "b"]);
  });

  test.each([
    ["a,b\n1,2\n3\n", 'x.csv: line 3 has 1 field, line 1 has 2 (between them: ","). Correct the line'],
    ["a,b,a\n1,2,3\n", 'x.csv: line 1: columns 1 and 3 are both called "a". Rename one.'],
    ['a,b\n1,"2\n3,4\n', 'x.csv: line 2: a quote (") is opened, and not closed by the end of the file.'],
    ['a,b\n1,2"x\n', 'x.csv: line 2: a quote (") stands within a field.'],
    ['a,b\n1,"2"x\n', 'x.csv: line 2: a text follows on a closing quote (").'],
    ["", "x.csv: is empty."],
    ["\n\n", "x.csv: is empty."],
    ["a,b\n", "x.csv: has the names of columns and no rows."],
  ])("%j is refused", (text, message) => expect(() => parseCsv(text, { name: "x.csv" })).toThrow(message));

  test("bytes that are no UTF-8 text, and a file that is not there, are refused", () => {
    expect(() => parseCsv(Uint8Array.of(0x61, 0xff), { name: "x.csv" })).toThrow(
      "x.csv: byte 1 (0xff) is not UTF-8 text",
    );
    expect(() => readCsv("no-such-file.csv")).toThrow("no-such-file.csv: there is no such file");
  });
});

describe("writeCsv", () => {
  test("numbers as they are, NaN as an empty field, quotes where needed", () => {
    expect(
      writeCsv(
        ["month", "a,b"],
        [
          ["2024-01", 0.1],
          ['"x"', Number.NaN],
        ],
      ),
    ).toBe('month,"a,b"\n2024-01,0.1\n"""x""",\n');
    expect(writeCsv(["a"], [[""]], { delimiter: ";" })).toBe('a\n""\n');
  });

  test("what is written is read again", () => {
    const field = fc.oneof(fc.string(), fc.constantFrom("", " ", '"', "\n", ",", ";", "a\nb", "é", "1,5"));
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 4 })
          .chain((width) =>
            fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
          ),
        fc.constantFrom(",", ";", "\t"),
        (rows, delimiter) => {
          const columns = (rows[0] as string[]).map((_, k) => `column ${k}`);
          // Line ends are LF in every table.
          const texts = rows.map((row) => row.map((text) => text.replaceAll("\r", "\n")));
          const table = parseCsv(writeCsv(columns, texts, { delimiter }), { delimiter, header: true });
          expect(table.columns).toEqual(columns);
          expect(table.rows).toEqual(texts);
        },
      ),
    );
  });

  test("refuses rows of another length, and other values", () => {
    expect(() => writeCsv(["a", "b"], [["1"]])).toThrow("writeCsv: rows[0] has 1 fields, and there are 2 columns");
    expect(() => writeCsv(["a"], [[null as unknown as string]])).toThrow("rows[0][0] must be a text or a number");
  });
});
