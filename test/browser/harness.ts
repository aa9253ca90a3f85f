/**
 * Run code in a real Chromium. A page is served from this project through Vite, so that it can import TypeScript from
 * "/src/...", or from a folder of built files. Knows nothing about what the tests check.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, resolve } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { type Browser, type Page, chromium as playwright } from "playwright-core";
import { createServer as createViteServer } from "vite";

const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules/.cache/unrolled");

/**
 * Of the flags that @sparticuz/chromium proposes only the first: its --single-process takes away cross-origin isolation. The last:
 * on Linux, Chromium's main thread waits for the system's fonts by a task of its thread pool. With two cores that has three
 * threads, and once each of them compiles and waits for the main thread to collect garbage, the page stands still for ever. They wait
 * only where the heap is at its limit, which begins higher here.
 */
const flags = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--js-flags=--initial-old-space-size=512",
];

/** With these it has WebGPU by SwiftShader, on the processor. */
export const swiftShader = [
  ...[
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--ignore-gpu-blocklist",
    "--enable-features=Vulkan",
  ],
  // Else it takes seconds to compile a kernel with memory that a workgroup shares.
  "--enable-dawn-features=disable_workgroup_init",
];

export type PageOptions = {
  /** Serve with the headers that give a page SharedArrayBuffer: COOP same-origin and COEP require-corp. */
  readonly isolated: boolean;
  /** Serve this folder of built files and open its index.html, instead of an empty page over our source. */
  readonly folder?: string;
  /** Open this path instead, from the root of what is served. */
  readonly path?: string;
  /** More flags for Chromium. */
  readonly flags?: readonly string[];
};

/** Open a page, run `work` with it, close everything. Throws what `work` throws, or an error that the page left. */
export function withPage<T>(options: PageOptions, work: (page: Page) => Promise<T>): Promise<T> {
  return withBrowser(
    (browser) =>
      withServer(options, async (url) => {
        const page = await browser.newPage();
        const log: string[] = [];
        const errors: Error[] = [];
        page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
        page.on("pageerror", (error) => errors.push(error));
        // Vitest rewrites import() in a test file, so in a function that page.evaluate sends too.
        await page.addInitScript("globalThis.__vite_ssr_dynamic_import__ = (name) => import(name)");
        try {
          await page.goto(new URL(options.path ?? "", url).href);
          const result = await work(page);
          if (errors.length > 0) throw errors[0];
          return result;
        } catch (error) {
          if (log.length > 0) console.error(`The page's console:\n${log.join("\n")}`);
          throw error;
        }
      }),
    options.flags,
  );
}

/** The Chromiums of this process, by their flags: the files whose tests it runs share them. Playwright ends them with it. */
const browsers = new Map<string, Promise<Browser>>();
/** What compiles the source for their pages: a module once, whichever page asks. */
let vite: ReturnType<typeof startVite> | undefined;

/** Close the Chromiums with flags of a file's own, which no other file asks for. */
export async function closeUnshared(): Promise<void> {
  for (const [key, browser] of browsers) {
    if (key === "") continue;
    browsers.delete(key);
    await (await browser).close();
  }
}

/** Run `work` with a Chromium that has these flags; then close the pages that it opened and forget what they stored. */
export async function withBrowser<T>(
  work: (browser: Browser) => Promise<T>,
  moreFlags: readonly string[] = [],
): Promise<T> {
  const key = moreFlags.join(" ");
  let browser = await browsers.get(key);
  if (browser?.isConnected() !== true) {
    const started = startChromium(moreFlags);
    browsers.set(key, started);
    browser = await started;
  }
  try {
    return await work(browser);
  } finally {
    for (const context of browser.contexts()) await context.close();
  }
}

async function startChromium(moreFlags: readonly string[]): Promise<Browser> {
  const { executable, libraries } = await findChromium();
  return playwright.launch({
    executablePath: executable,
    args: [...flags, ...moreFlags],
    ...(libraries === undefined ? {} : { env: { ...process.env, LD_LIBRARY_PATH: libraries } }),
  });
}

/** A Chromium, and where its shared libraries are unless the system has them. */
type Chromium = { readonly executable: string; readonly libraries?: string };

/**
 * The Chromium of CHROME_PATH, else an installed one, else the one from npm, which CHROME_PATH=@sparticuz/chromium names too;
 * it is unpacked at the first use.
 */
async function findChromium(): Promise<Chromium> {
  const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executable = process.env.CHROME_PATH || installed.find((path) => existsSync(path));
  if (executable !== undefined && executable !== "@sparticuz/chromium") return { executable };
  const { version } = readJson(join(root, "node_modules/@sparticuz/chromium/package.json"));
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) await unpack(folder);
  const unpacked = join(folder, "chromium");
  const { stdout } = spawnSync("ldd", [unpacked], { encoding: "utf8" });
  return { executable: unpacked, ...(stdout?.includes("not found") ? { libraries: join(folder, "lib") } : {}) };
}

/** Unpack the Chromium from npm, and the libraries that it brings, to a folder; safe when several do so at once. */
async function unpack(folder: string): Promise<void> {
  const part = `${folder}-${process.pid}`;
  mkdirSync(part, { recursive: true });
  const temporary = process.env.TMPDIR;
  try {
    process.env.TMPDIR = part; // It unpacks to the folder for temporary files.
    const { default: chromium } = await import("@sparticuz/chromium");
    await chromium.executablePath();
  } finally {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  }
  const archive = join(part, "libraries.tar");
  writeFileSync(
    archive,
    brotliDecompressSync(readFileSync(join(root, "node_modules/@sparticuz/chromium/bin/al2023.tar.br"))),
  );
  const { status } = spawnSync("tar", ["-xf", archive, "-C", part]);
  if (status !== 0) throw new Error(`tar could not unpack ${archive}`);
  rmSync(archive);
  try {
    renameSync(part, folder);
  } catch {
    rmSync(part, { recursive: true, force: true }); // Another process was first.
  }
}

/** Serve the project's source or a folder of built files, run `work` with the address of the page, stop. */
async function withServer<T>(options: PageOptions, work: (url: string) => Promise<T>): Promise<T> {
  if (options.folder === undefined) vite ??= startVite();
  const source = await vite;
  const answer: RequestListener = (request, response) => {
    response.setHeader("Cache-Control", "no-store");
    if (options.isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    if (path === "/favicon.ico") response.writeHead(204).end();
    else if (options.folder !== undefined) sendFile(response, options.folder, path);
    else if (path === "/") response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Test</title>");
    else source?.middlewares(request, response);
  };
  const server = createHttpServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function startVite() {
  return createViteServer({
    root,
    configFile: false,
    appType: "custom",
    logLevel: "error",
    cacheDir: join(cache, `vite-${process.pid}`),
    optimizeDeps: { noDiscovery: true, include: [] },
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  });
}

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

function sendFile(response: ServerResponse, folder: string, path: string): void {
  const file = resolve(folder, `.${path === "/" ? "/index.html" : path}`);
  if (!file.startsWith(resolve(folder)) || !existsSync(file)) {
    response.writeHead(404).end("There is no such file.");
  } else {
    response.setHeader("Content-Type", contentTypes[extname(file)] ?? "application/octet-stream");
    response.end(readFileSync(file));
  }
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, "utf8"));
}
