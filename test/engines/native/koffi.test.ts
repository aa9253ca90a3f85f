/** Why machine code cannot run here, where that is koffi's doing: what is said is true, for every kind of koffi that does not work. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { nativeHost } from "../../../src/engines/native/executable-memory.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";

const folder = temporaryFolder();

/** Why a program does not run beside these files in node_modules. */
let count = 0;
function reasonWith(files: Readonly<Record<string, string>>): Promise<string> {
  const at = join(folder, `${count++}`);
  mkdirSync(at);
  for (const [name, text] of Object.entries(files)) {
    const path = join(at, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return nativeHost(join(at, "program.js")).then(
    () => "it runs",
    (error: Error) => error.message,
  );
}

const index = "koffi/index.js";
const whole = (mmap: string): string =>
  `module.exports = { version: "9.8.7", load: () => ({ func: (of) => of.includes("mmap") ? ${mmap} : () => 0 }),
    proto: () => ({}), decode: () => () => {}, address: () => 0n };`;

describe.runIf(process.arch === "x64")("it is said why koffi does not help", () => {
  test("only where there is none it is not installed", async () => {
    expect(await reasonWith({})).toBe("the optional package koffi is not installed (npm install koffi)");
    expect(await reasonWith({ "koffee/index.js": "" })).toMatch(/ is not installed /);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["throws", { [index]: 'throw new Error("boom")' }, /^boom$/],
    ["throws several lines", { [index]: 'throw new Error("boom.\\nat once")' }, /^boom$/],
    ["throws no error", { [index]: 'throw "boom"' }, /^boom$/],
    ["throws an error that says nothing", { [index]: "throw new RangeError()" }, /^RangeError$/],
    [
      "requires what is not there",
      { [index]: 'require("koffi-of-elsewhere")' },
      /^Cannot find module 'koffi-of-elsewhere'$/,
    ],
    ["requires itself where it is not", { [index]: 'require("./koffi")' }, /^Cannot find module '\.\/koffi'$/],
    ["is no JavaScript", { [index]: "garbage garbage" }, /^Unexpected identifier/],
    ["has broken JSON", { "koffi/package.json": '{"name": ' }, /package\.json/],
    [
      "names a file that is not there",
      { "koffi/package.json": '{"main": "gone.js"}' },
      /^Cannot find module '.+gone\.js'/,
    ],
    [
      "has garbage for machine code",
      { [index]: 'require("@koromix/koffi.node")', "@koromix/koffi.node": "garbage" },
      /koffi\.node/,
    ],
  ])("one that %s does not load", async (_, files, why) => {
    const reason = await reasonWith(files);
    expect(reason).toMatch(/^the optional package koffi does not load: [^\n]*[^.\n]$/);
    expect(reason.slice("the optional package koffi does not load: ".length)).toMatch(why);
  });

  test.each([
    ["exports nothing", "module.exports = {};", "koffi.load is not a function"],
    ["gives 0 for everything", whole("() => 0"), "its functions give no addresses (version 9.8.7; 3 is needed)"],
    [
      "gives objects for addresses",
      whole("() => ({})"),
      "its functions give no addresses (version 9.8.7; 3 is needed)",
    ],
    ["runs nothing", whole("() => 4096n"), "a function that it calls does not run"],
    ["throws when it is used", whole('() => { throw new Error("no mmap") }'), "no mmap"],
  ])("one that %s does not work here", async (_, code, why) => {
    expect(await reasonWith({ [index]: code })).toBe(`the optional package koffi does not work here: ${why}`);
  });

  test("on Windows it is not koffi that is at fault", async () => {
    const platform = Object.getOwnPropertyDescriptor(process, "platform") as PropertyDescriptor;
    Object.defineProperty(process, "platform", { ...platform, value: "win32" });
    const why = await reasonWith({}).finally(() => Object.defineProperty(process, "platform", platform));
    expect(why).toBe("it does not run on Windows");
  });

  test("an operating system that gives no memory for code is not koffi's fault", async () => {
    const no = "the operating system gives no memory for code";
    expect(await reasonWith({ [index]: whole("() => null") })).toBe(no);
    expect(await reasonWith({ [index]: whole("() => 2n ** 64n - 1n") })).toBe(no);
    const unprotected = whole("() => 4096n").replace("() => 0", '() => of.includes("mprotect") ? -1 : 0');
    expect(await reasonWith({ [index]: unprotected })).toBe("the operating system does not let memory be executed");
  });
});
