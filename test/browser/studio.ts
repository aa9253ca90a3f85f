/** The studio as a person has it: `unrolled studio` run by its command, its page in a real Chromium. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { withBrowser } from "./harness.ts";

const cli = join(import.meta.dirname, "../../dist/cli/main.js");

export type StudioOptions = {
  /** Model files to start it with. */
  readonly models?: readonly string[];
  readonly width?: number;
  readonly colorScheme?: "light" | "dark";
  /** What is done before the page is opened. */
  readonly prepare?: (page: Page) => Promise<unknown>;
  /** More flags for Chromium. */
  readonly flags?: readonly string[];
  /** What the page may complain of, or ask other hosts for. */
  readonly allowed?: RegExp;
};

export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
export const select = (page: Page, name: string) => page.getByRole("combobox", { name, exact: true });
export const setting = (page: Page, label: string, value: string) =>
  page.getByLabel(label, { exact: true }).fill(value);

/** The studios of this process by their models, with the addresses that they say. */
const studios = new Map<string, { readonly server: ChildProcess; readonly address: Promise<string> }>();
process.on("exit", () => {
  for (const { server } of studios.values()) server.kill("SIGKILL");
});
// Vitest ends a process so.
process.on("SIGTERM", () => process.exit());

/** End the studios with models of a file's own; the one without any serves the next file, too. */
export function stopUnshared(): void {
  for (const [key, { server }] of studios) {
    if (key === "[]") continue;
    studios.delete(key);
    server.kill();
  }
}

function startStudio(models: readonly string[]) {
  const server = spawn(process.execPath, [cli, "studio", ...models, "--port", "0", "--json"]);
  const errors: string[] = [];
  server.stderr.on("data", (data) => errors.push(String(data)));
  const said = async (): Promise<string> => {
    const { value, done } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
    if (done) throw new Error(`the studio did not start: ${errors.join("")}`);
    return (JSON.parse(value) as { address: string }).address;
  };
  return { server, address: said() };
}

/** What Chromium itself says where a page asks for a graphics card and there is none. */
const noGraphics = "Failed to create WebGPU Context Provider";

/** As a browser that blocks a site's storage does; a page without an address has none. */
const refuseServiceWorkers =
  'if ("ServiceWorkerContainer" in globalThis) ServiceWorkerContainer.prototype.register = () => Promise.reject(new DOMException("denied", "SecurityError"))';

/**
 * Do something in the studio's page, which has nothing stored. Fails where the page complained on its console, left an error, or
 * asked another host for anything.
 */
export async function withStudio(
  { models = [], width = 1280, colorScheme = "light", prepare, flags, allowed }: StudioOptions,
  work: (page: Page, address: string) => Promise<void>,
): Promise<void> {
  const key = JSON.stringify(models);
  const started = studios.get(key) ?? startStudio(models);
  studios.set(key, started);
  const address = await started.address;
  const touch = width < 500;
  const context: BrowserContextOptions = { viewport: { width, height: 844 }, colorScheme, hasTouch: touch };
  await withBrowser(async (browser) => {
    const page = await browser.newPage(context);
    page.setDefaultTimeout(60_000); // Trainings share a busy machine.
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(address) && !/^(data|blob):/.test(url)) complaints.push(`a request to ${url}`);
    });
    await page.addInitScript(refuseServiceWorkers);
    await prepare?.(page);
    await page.goto(address);
    try {
      await work(page, address);
    } catch (error) {
      const shown = (
        await page
          .locator("main")
          .innerText({ timeout: 1000 })
          .catch(() => "nothing")
      ).slice(0, 1500);
      console.error(
        `The page at ${page.url()} complained of ${complaints.join("; ") || "nothing"} and showed:\n${shown}`,
      );
      throw error;
    }
    const isFine = (line: string): boolean => allowed?.test(line) === true || line === noGraphics;
    expect(complaints.filter((line) => !isFine(line))).toEqual([]);
  }, flags);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong with the page as it is; by some of its rules alone, or by all. */
export async function expectAccessible(page: Page, rules?: readonly string[]): Promise<void> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const violations = await page.evaluate(async (rules) => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    // Of what is right it names one place a rule, not a path to each: that takes longer than to look.
    const resultTypes: ["violations"] = ["violations"];
    const found = await axe.run({ resultTypes, ...(rules === undefined ? {} : { runOnly: [...rules] }) });
    return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  }, rules);
  expect(violations).toEqual([]);
}

/** A page that is wider than its window scrolls sideways. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(wide).toBeLessThanOrEqual(seen as number);
}
