/** Programs in the place of others that may not be installed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes shell scripts in a folder; gives the file of each. Not on Windows. */
export const standInsIn =
  (folder: string) =>
  (name: string, script: string): string => {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };
