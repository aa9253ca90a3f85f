/** The documents of the bench's page: the page itself, and one for each peer, which runs in a frame of its own. */
import { jaxJsProgram } from "./jax-js-program.ts";
import { tensorflowJsProgram } from "./tensorflow-js-program.ts";

/** @param imports an import map: specifiers of the built modules to what a page has in their place */
export const pageDocument = (imports: Readonly<Record<string, string>>): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Unrolled bench</title>
<style>${style}</style>
<script type="importmap">${inScript({ imports })}</script>
</head>
<body>
<header>
  <h1>Unrolled bench</h1>
  <p>Training steps in this browser, in turns. Keep this page in front, and let nothing else run. A ratio says how many times as fast the
    faster engine of Unrolled is, once all is measured.</p>
  <p id="place"></p>
</header>
<main>
  <p id="doing" role="status">The page starts.</p>
  <div id="shapes"></div>
</main>
<script type="module">
  import { measureInPage } from "/dist/bench/page.js";
  await measureInPage();
</script>
</body>
</html>
`;

const style = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1f24; --soft: #5c6470; --line: #d9dde3; --best: #f1f4f8; --bad: #a12c0c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --ink: #e6e9ee; --soft: #9aa4b2; --line: #333a45; --best: #1d242e; --bad: #ffa287; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 1rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.25rem; }
h2 { margin: 1.5rem 0 0.25rem; font-size: 1rem; overflow-wrap: anywhere; }
header p { margin: 0.25rem 0; color: var(--soft); font-size: 0.875rem; overflow-wrap: anywhere; }
#doing { margin: 1rem 0 0; min-height: 3rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.4rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; }
thead :first-child { width: 45%; }
th:first-child { padding-left: 0; text-align: left; font-weight: 500; overflow-wrap: anywhere; }
tr.first > * { background: var(--best); font-weight: 700; }
td.reason { text-align: left; overflow-wrap: anywhere; color: var(--soft); }
td.failed { color: var(--bad); }
iframe { position: absolute; width: 1px; height: 1px; border: 0; opacity: 0; pointer-events: none; }
`;

/** JSON that does not end the script element it stands in. */
const inScript = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

/**
 * What a graphics card refuses is told to nobody but a listener: it goes to `refused`, which the page looks at after each step. Before
 * anything else of the document.
 */
const watchCards = `
globalThis.refused = [];
if ("GPUAdapter" in globalThis) {
  const { prototype } = GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (...given) {
    const device = await requestDevice.apply(this, given);
    device.addEventListener("uncapturederror", ({ error }) => refused.push(error.message));
    device.lost.then(({ message, reason }) => refused.push("the graphics card was lost (" + (message || reason) + ")"));
    return device;
  };
}
`;

/** A document has a function `start(shape, options)`, which gives a step, and `refused`. */
const peerDocument = (title: string, rest: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body>
<script>${watchCards}</script>
${rest}
</body>
</html>
`;

/** @param entry the address of the package's module for pages */
export const jaxJsDocument = (entry: string): string =>
  peerDocument(
    "jax-js",
    `<script type="importmap">${inScript({ imports: { "@jax-js/jax": entry } })}</script>
<script>
${jaxJsProgram}
function start(shape) {
  return prepare({ ...shape, backend: "webgpu" });
}
</script>`,
  );

/** @param scripts addresses of the library and of its backend, as scripts */
export const tensorflowJsDocument = (scripts: readonly string[]): string =>
  peerDocument(
    "TensorFlow.js",
    `${scripts.map((address) => `<script src="${address}"></script>`).join("\n")}
<script>
${tensorflowJsProgram}
async function start(shape, { dispatches }) {
  if (!("tf" in globalThis)) throw new Error("its scripts could not be loaded: the browser's console says why");
  tf.env().set("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE", dispatches);
  if (!(await tf.setBackend("webgpu"))) throw new Error("its backend webgpu does not start here");
  return training(tf, { ...shape, onCard: true });
}
</script>`,
  );
