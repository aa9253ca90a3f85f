/** `npm run build`: compile src to dist. With --if-stale: only where dist was built from another source. */
import { build, isBuilt } from "./steps.mjs";

process.exit(process.argv.includes("--if-stale") && isBuilt() ? 0 : await build());
