/** Folders for the files of tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A folder that goes when the tests of the file are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "unrolled-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
