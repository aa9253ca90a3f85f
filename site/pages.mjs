/**
 * The Markdown of the site: README, the guides, the log and the repository's own pages, with links that lead to pages; what else
 * they link to, a program or a script, as a page that shows it. Knows nothing about the reference.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";

/** Files of the repository, and what they are called on the site. */
const places = new Map([
  ["README.md", "index.md"],
  ["ARCHITECTURE.md", "architecture.md"],
  ["CHANGELOG.md", "changelog.md"],
  ["CODE_OF_CONDUCT.md", "code-of-conduct.md"],
  ["CONTRIBUTING.md", "contributing.md"],
  ["SECURITY.md", "security.md"],
  ["examples/README.md", "examples/index.md"],
]);

/** Every Markdown file of `docs`, and those above. */
export function placesOf(root) {
  const found = new Map(places);
  const below = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  for (const file of below.map((name) => name.split("\\").join("/")).filter((name) => name.endsWith(".md")))
    found.set(`docs/${file}`, file.replace(/README\.md$/, "index.md"));
  return found;
}

/** Text without code, piece by piece: `change` gets what lies between blocks and spans of code. */
const outsideOfCode = (markdown, change) =>
  markdown
    .split(/(^```[\s\S]*?^```$|`[^`\n]+`)/m)
    .map((part, k) => (k % 2 === 0 ? change(part) : part))
    .join("");

/** What Vue would read as a template's own, between blocks and spans of code. */
export const escapeTemplates = (markdown) =>
  outsideOfCode(markdown, (part) =>
    part.replaceAll("{{", "&#123;&#123;").replace(/\\?<(?=[A-Za-z|/])(?!br ?\/?>)/g, "&lt;"),
  );

const languages = { ".mjs": "js", ".sh": "sh", ".ts": "ts", ".tsx": "tsx", ".py": "python", ".yml": "yaml" };

/** Write all pages below `out`. Throws for a link that leads nowhere. */
export function writePages(root, out) {
  const all = placesOf(root);
  const write = (page, text) => {
    mkdirSync(dirname(join(out, page)), { recursive: true });
    writeFileSync(join(out, page), text);
  };
  /** The page of a file or a folder of the repository, which is made where there is none. */
  const pageOf = (path) => {
    const there = all.get(path) ?? all.get(`${path}/README.md`);
    if (there !== undefined) return there;
    const isFolder = statSync(join(root, path)).isDirectory();
    const page = `code/${path}${isFolder ? "/index" : ""}.md`;
    all.set(path, page);
    if (isFolder) {
      const files = readdirSync(join(root, path)).filter((name) => statSync(join(root, path, name)).isFile());
      const list = files.map((name) => `- [${name}](${linkTo(page, pageOf(`${path}/${name}`))})`);
      write(page, `# ${path}\n\n${list.join("\n")}\n`);
    } else {
      const code = readFileSync(join(root, path), "utf8").trimEnd();
      write(page, `# ${path}\n\n\`\`\`\`${languages[extname(path)] ?? ""}\n${code}\n\`\`\`\`\n`);
    }
    return page;
  };
  const linkTo = (from, to) => {
    const link = posix.relative(posix.dirname(from), to);
    return link.startsWith(".") ? link : `./${link}`;
  };

  for (const [file, page] of [...all]) {
    const text = readFileSync(join(root, file), "utf8").replace(/<!--[\s\S]*?-->\n?/g, "");
    const linked = outsideOfCode(escapeTemplates(text), (part) =>
      part.replace(/\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)/g, (_, target, anchor = "") => {
        const path = posix.join(posix.dirname(file), target);
        if (!existsSync(join(root, path))) throw new Error(`${file}: ${target} is not there`);
        const isFigure = path.startsWith("docs/figures/");
        const to = isFigure ? path.slice("docs/".length) : pageOf(path.replace(/\/$/, ""));
        return `](${linkTo(page, to)}${anchor})`;
      }),
    );
    write(page, linked);
  }
  cpSync(join(root, "docs/figures"), join(out, "figures"), { recursive: true });
}
