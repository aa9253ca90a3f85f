/** How the site looks, and what leads where. Its pages are made by scripts/docs.mjs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import { modulesOf } from "../reference.mjs";
import { slugOf } from "../slug.mjs";

const root = join(import.meta.dirname, "../..");
const titled = (folder, page) => ({ text: page[1], link: `${folder}${page[0]}` });
const group = (text, pages) => ({ text, items: pages.map((page) => titled("/", page)) });

const guides = [
  group("Begin", [
    ["", "Unrolled"],
    ["getting-started", "Getting started"],
    ["coming-from-keras", "Coming from Keras"],
    ["coming-from-pytorch", "Coming from PyTorch"],
    ["coming-from-tensorflow-js", "Coming from TensorFlow.js"],
    ["coming-from-onnx", "ONNX, and plain source"],
    ["examples/", "Examples"],
  ]),
  group("Guides", [
    ["your-own-cell", "Your own cell"],
    ["equations", "The equation language"],
    ["training", "Training"],
    ["text", "Text"],
    ["inspecting", "Inspecting"],
    ["learning-tools", "Beside other learning tools"],
    ["server", "Serving"],
    ["trajectories", "Trajectories"],
    ["translating", "Translating"],
    ["tagging", "Tagging"],
    ["classifying-texts", "Classifying texts"],
    ["music", "Music"],
    ["more-than-one-machine", "More than one machine"],
    ["command-line", "The command line"],
    ["determinism", "Determinism and numerics"],
    ["model-file", "The model file"],
    ["options", "What each entry takes"],
  ]),
  group("Figures", [
    ["speed", "Speed"],
    ["results", "Results"],
    ["log/", "Log of experiments"],
  ]),
  group("The project", [
    ["architecture", "Architecture"],
    ["contributing", "Contributing"],
    ["changelog", "Changelog"],
    ["security", "Security"],
  ]),
];
/** Colours for equations. */
const equations = {
  name: "cell",
  scopeName: "source.cell",
  repository: {},
  patterns: [
    { match: "#.*$", name: "comment.line" },
    { match: "\\b[\\p{L}_]\\w*(?=\\()", name: "entity.name.function" },
    { match: "(?<![\\w.])\\d+(\\.\\d+)?(e[+-]?\\d+)?", name: "constant.numeric" },
    { match: "[-+*/@=~:]", name: "keyword.operator" },
  ],
};
/** A header without a text is no header. */
const emptyHeaders = (md) =>
  md.core.ruler.push("empty headers", ({ tokens }) => {
    tokens.forEach((token, k) => {
      if (token.type === "th_open" && tokens[k + 1].content === "") token.tag = tokens[k + 2].tag = "td";
    });
  });
/** A page as the search reads it, by its words: without colours in its code, which take longer than all the rest. */
const plainly = (text, env, md) => {
  const { highlight } = md.options;
  md.options.highlight = null;
  try {
    return md.render(text, env);
  } finally {
    md.options.highlight = highlight;
  }
};
/** The build that renders pages to files opens no search: without this it would make the index a second time. */
const indexForBrowsersAlone = {
  name: "index-for-browsers-alone",
  enforce: "pre",
  load: (id, { ssr } = {}) => (ssr && id === "/@localSearchIndex" ? "export default {}" : undefined),
};
/** The topics of the log, in the order of its index, by their titles. */
const logs = [...readFileSync(join(root, "docs/log/README.md"), "utf8").matchAll(/^\| \[(.*)\]\((.*)\.md\) \|/gm)].map(
  ([, text, name]) => ({ text, link: `/log/${name}` }),
);
const modules = modulesOf(root).map(({ name }) => ({ text: name, link: `/reference/${name}/` }));

export default defineConfig({
  title: "Unrolled",
  description: "Recurrent neural networks whose cells are equations, compiled to WASM SIMD.",
  lang: "en",
  base: process.env.DOCS_BASE ?? "/",
  srcDir: "./pages",
  cacheDir: join(root, "node_modules/.cache/unrolled/vitepress"),
  outDir: process.env.DOCS_OUT ?? join(root, "dist-docs"),
  cleanUrls: false,
  // Data that all pages share, in a file of its own and not in each.
  metaChunk: true,
  lastUpdated: false,
  markdown: {
    anchor: { slugify: slugOf },
    languages: [equations],
    config: emptyHeaders,
  },
  vite: { plugins: [indexForBrowsersAlone], build: { chunkSizeWarningLimit: 5000 } },
  themeConfig: {
    nav: [
      {
        text: "Guides",
        link: "/getting-started",
        activeMatch: "^/(getting-started|your-own-cell|training|inspecting)",
      },
      { text: "Reference", link: "/reference/" },
      { text: "Speed", link: "/speed" },
      { text: "Log", link: "/log/" },
    ],
    sidebar: {
      "/reference/": [{ text: "Reference", link: "/reference/", items: modules }, ...guides],
      "/log/": [
        {
          text: "Log of experiments",
          link: "/log/",
          items: logs,
        },
        ...guides,
      ],
      "/": guides,
    },
    outline: [2, 3],
    docFooter: { prev: false, next: false },
    search: { provider: "local", options: { _render: plainly } },
  },
});
