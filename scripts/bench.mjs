/** `npm run bench`: install and build what is missing, then `unrolled bench` with the same arguments. */
import { build, ensureInstalled, fail, isBuilt, runNode } from "./steps.mjs";

ensureInstalled();
if (!isBuilt()) {
  const code = await build();
  if (code !== 0) fail("The build failed; the lines above say where.", code);
}
process.exit(runNode("dist/cli/main.js", "bench", ...process.argv.slice(2)));
