/** The pages as Markdown, as they are read in the repository: links, and how long README is. */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { placesOf } from "../../site/pages.mjs";
import { slugOf } from "../../site/slug.mjs";
import { root } from "../helpers/processes.ts";
import { readPage } from "./pages.ts";

const files = [...placesOf(root).keys()];
const withoutCode = (file: string): string => readPage(file).replace(/^````?[\s\S]*?^````?$/gm, "");

/** The anchors of a page, one for each heading. */
function anchorsOf(file: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ""] of withoutCode(file).matchAll(/^#+ (.*)$/gm)) {
    const slug = slugOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, ""));
    let name = slug;
    for (let k = 1; found.has(name); k++) name = `${slug}-${k}`;
    found.add(name);
  }
  return found;
}

test("anchors are GitHub's", () => {
  expect(slugOf("Keras's `fit`, and R² (one)")).toBe("kerass-fit-and-r²-one");
  expect(anchorsOf("docs/results.md")).toContain("bachs-chorales-tanh-gru-lstm");
});

test("every link of README, the guides, the log and the repository's pages leads to a file, and to a heading of it", () => {
  const links = files.flatMap((file) =>
    [
      ...withoutCode(file)
        .replace(/`[^`\n]*`/g, "")
        .matchAll(/\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)/g),
    ].map(([, to = "", anchor = ""]) => ({ file, to, anchor: anchor.slice(1) })),
  );
  expect(links.length).toBeGreaterThan(80);
  const broken = links.filter(({ file, to, anchor }) => {
    const target = to === "" ? file : posix.join(posix.dirname(file), to);
    if (!existsSync(join(root, target))) return true;
    return anchor !== "" && !(target.endsWith(".md") && anchorsOf(target).has(anchor));
  });
  expect(broken).toEqual([]);
});

test("README has at most 150 lines", () => {
  expect(readFileSync(join(root, "README.md"), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
});

test("every guide is linked from README, every topic of the log from its index, and each topic says what was asked and decided", () => {
  const guides = files.filter((file) => /^docs\/[\w-]+\.md$/.test(file));
  const readme = readPage("README.md");
  expect(guides.length).toBeGreaterThan(12);
  expect(guides.filter((file) => !readme.includes(`(${file})`))).toEqual([]);
  const topics = files.filter((file) => /^docs\/log\/[a-z-]+\.md$/.test(file));
  const index = readPage("docs/log/README.md");
  expect(topics.length).toBeGreaterThan(10);
  for (const file of topics) {
    expect(index, file).toContain(`(${posix.basename(file)})`);
    const text = readPage(file);
    expect(text, file).toMatch(/^# .+\n\n\*\*Question\.\*\* [\s\S]+?\n\n\*\*Decided\.\*\*\n\n- /);
    // Each measurement has its date.
    const dates = [...text.matchAll(/^## .*\n\n\*(\d{4}-\d{2}-\d{2})/gm)];
    expect(dates.length, file).toBe([...text.matchAll(/^## /gm)].length);
  }
});
