/** A log that nobody reads. */
import { expect, test } from "vitest";
import { logTo } from "../../src/cli/log-lines.ts";

test("takes a megabyte, drops the rest, and says how many lines once it is read again", () => {
  const written: string[] = [];
  const output = {
    writableLength: 0,
    write(line: string): boolean {
      written.push(line);
      output.writableLength += line.length;
      return true;
    },
  };
  const log = logTo(output as never);
  for (let k = 0; k < 100_000; k++) log({ k, path: "/v1/completions" });
  expect(output.writableLength).toBeLessThan(1_000_100);
  const before = written.length;
  output.writableLength = 0;
  log({ k: "last" });
  expect(written.slice(before)).toEqual([
    `{"warning":"${100_000 - before} lines of the log were not read, and dropped."}\n`,
    '{"k":"last"}\n',
  ]);
});
