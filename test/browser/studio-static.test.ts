/** The studio's build as files of any folder: without a server of ours, without its headers, below its size. */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withPage } from "./harness.ts";

const built = join(import.meta.dirname, "../../dist/studio");
const folder = temporaryFolder();
beforeAll(() => cpSync(built, join(folder, "some/where"), { recursive: true }));

test("from a folder within a host, not isolated: views open, and the engine computes on one thread", async () => {
  await withPage({ isolated: false, folder, path: "some/where/index.html" }, async (page) => {
    const address = page.url();
    const asked: string[] = [];
    const answers: number[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("response", (response) => answers.push(response.status()));
    await page.goto("about:blank");
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery li >> nth=10");
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await page.getByRole("button", { name: "Measure the speed here" }).click();
    await page.waitForSelector(".gallery .bar >> nth=1");
    await page.getByRole("button", { name: "Stop measuring" }).click();
    expect(await page.textContent("[role=status]")).toMatch(/one core/);
    expect(asked.filter((url) => !url.startsWith(new URL(".", address).href) && !url.startsWith("blob:"))).toEqual([]);
    expect(answers.filter((status) => status !== 200)).toEqual([]);
  });
});

test("the first load is below 300 KB gzipped, and neither charts nor the editor are in it", async () => {
  await withPage({ isolated: true, folder: built }, async (page) => {
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(new URL(request.url()).pathname));
    await page.reload({ waitUntil: "networkidle" });
    await page.waitForSelector("h1");
    const files = [...asked].map((path) => (path === "/" ? "index.html" : path)).filter((path) => /\.\w+$/.test(path));
    expect(files.join(" ")).toMatch(/\.css.*worker.*\.js|worker.*\.css/);
    expect(files.join(" ")).not.toMatch(/plot|codemirror|editor/i);
    const sizes = files.map((path) => gzipSync(readFileSync(join(built, path)), { level: 9 }).length);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(300_000);
  });
});

test("no file but the book, and what reads HDF5, is above 600 KB, and all of them are the page's", () => {
  const files = readdirSync(built, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const large = files.filter((file) => readFileSync(join(file.parentPath, file.name)).length > 600_000);
  expect(large.map(({ name }) => name.replace(/-[\w-]+\.js$/, ""))).toEqual(["hdf5_hl", "moby-dick.txt"]);
  // It is loaded with the first such file.
  expect(readFileSync(join(built, "service-worker.js"), "utf8").split("\n")[0]).not.toContain("hdf5");
  expect(files.filter(({ name }) => !/\.(html|js|css|svg|woff2|txt|json)$/.test(name)).map(({ name }) => name)).toEqual(
    [],
  );
});
