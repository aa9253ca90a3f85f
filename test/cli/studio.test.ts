/** `unrolled studio`, the command: what it serves, and what it refuses. The page itself: test/browser. */
import { writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();

/** Run it, ask it something at its address, end it. */
async function whileServing(args: readonly string[], work: (address: string) => Promise<void>): Promise<void> {
  const server = start(folder, ["studio", ...args, "--json"]);
  try {
    const { value } = await createInterface(server.stdout as Readable)
      [Symbol.asyncIterator]()
      .next();
    await work((JSON.parse(value) as { address: string }).address);
  } finally {
    server.kill();
  }
}

/** As a page of another name would ask that has its name point here. */
const statusFor = (address: string, host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(address, { headers: { host } }, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
  });

test("the page with the headers that give it threads, the models given by name, nothing else of this machine", async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(60));
  await json(folder, "train", "text.txt", "--out", "a b.safetensors", "--epochs", "1", ...tiny);
  await whileServing(["a b.safetensors", "--port", "0"], async (address) => {
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await fetch(address);
    expect(await page.text()).toContain("<title>Unrolled studio</title>");
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const [model] = (await (await fetch(`${address}models.json`)).json()) as { id: string; bytes: number }[];
    expect(model).toMatchObject({ id: "a b", name: "a b" });
    const file = await fetch(`${address}models/${encodeURIComponent("a b")}.safetensors`);
    expect((await file.arrayBuffer()).byteLength).toBe(model?.bytes);
    expect(file.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect((await fetch(`${address}models/text.safetensors`)).status).toBe(404);
    expect((await fetch(`${address}%2e%2e/cli/main.js`)).status).toBe(404);
    expect((await fetch(`${address}..%2fcli%2fmain.js`)).status).toBe(404);
    expect(await statusFor(address, "evil.example")).toBe(403);
    expect(await statusFor(address, "localhost:4747")).toBe(200);
  });
});

test("the built-in course as a file, which serves as one; a changed file is the next page's", async () => {
  const { code, out: builtIn } = await run(folder, "studio", "--course-file");
  expect(code).toBe(0);
  const courseOf = async (address: string): Promise<string> => {
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?course=course\.json$/);
    const course = await fetch(new URL("course.json", address));
    expect(course.headers.get("content-type")).toMatch(/^application\/json/);
    return course.text();
  };
  // A model behind the option without a file is a model.
  await whileServing(["--course", "a b.safetensors", "--port", "0"], async (address) => {
    expect(await courseOf(address)).toBe(builtIn);
    expect(await (await fetch(new URL("models.json", address))).json()).toHaveLength(1);
  });
  writeFileSync(join(folder, "own.json"), builtIn);
  await whileServing(["--port", "0", "--course", "own.json"], async (address) => {
    expect(await courseOf(address)).toBe(builtIn);
    writeFileSync(join(folder, "own.json"), "changed");
    expect(await courseOf(address)).toBe("changed");
  });
});

test("of several files those that are no models are told and left out; the others are there to open", async () => {
  writeFileSync(join(folder, "bad.safetensors"), "nothing");
  const server = start(folder, ["studio", "bad.safetensors", "a b.safetensors", "gone.safetensors", "--port", "0"]);
  const said: string[] = [];
  for await (const line of createInterface(server.stderr as Readable)) {
    said.push(line);
    if (line.startsWith("The studio is at")) break;
  }
  expect(said.slice(0, 2)).toEqual([
    expect.stringMatching(/^bad\.safetensors: .* Left out\.$/),
    expect.stringMatching(/^gone\.safetensors: there is no such file\. .* Left out\.$/),
  ]);
  const [, address] = /(http:\S+)/.exec(said[2] as string) as unknown as [string, string];
  const models = (await (await fetch(`${address}models.json`)).json()) as { name: string }[];
  expect(models.map(({ name }) => name)).toEqual(["a b"]);
  server.kill();
});

test("the texts of another language are at the address that is said, as they are now; English lies beside them", async () => {
  const path = join(folder, "de.json");
  writeFileSync(path, JSON.stringify({ shell: { skip: "Zur Ansicht" } }));
  await whileServing(["--texts", path, "--port", "0"], async (address) => {
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?lang=de$/);
    const texts = async (name: string) => (await fetch(new URL(`texts/${name}.json`, address))).json();
    expect(await texts("de")).toEqual({ shell: { skip: "Zur Ansicht" } });
    writeFileSync(path, JSON.stringify({ shell: { skip: "Zum Inhalt" } }));
    expect(await texts("de")).toEqual({ shell: { skip: "Zum Inhalt" } });
    expect(await texts("en")).toMatchObject({ shell: { skip: "Skip to the view" } });
    expect((await fetch(new URL("texts/fr.json", address))).status).toBe(404);
  });
});

test("a port that is taken, an address that is not there, a file that is no model, two of one name: one line, exit 2", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  writeFileSync(join(folder, "no.safetensors"), "nothing");
  writeFileSync(join(folder, "wrong.json"), '{"format": 1, "id": "a", "title": "A", "stops": []}');
  writeFileSync(join(folder, "long.json"), " ".repeat(1_000_001));
  for (const name of ["fr", "deutsch_1", "en"]) writeFileSync(join(folder, `${name}.json`), "{");
  const cases: [string[], RegExp][] = [
    [["--port", String(port)], new RegExp(`--port: another program is listening at 127\\.0\\.0\\.1:${port}`)],
    [["--port", "70000"], /--port: needs a whole number from 0 to 65,535/],
    [["--host", "203.0.113.7", "--port", "0"], /--host: this machine has no address 203\.0\.113\.7/],
    [["no.safetensors"], /no\.safetensors/],
    [["missing.safetensors"], /missing\.safetensors/],
    [["a b.safetensors", "./a b.safetensors"], /another model named "a b"/],
    [["--course", "none.json"], /^none\.json: there is no such file\./],
    [
      ["--course=no.safetensors"],
      /^no\.safetensors: is not JSON at line 1, column 1: found “nothing”; expected a value\. /,
    ],
    [["--course", "wrong.json"], /^wrong\.json: stops is a list of 0; expected a list of 1 to 100 stops, in \[ \]\.$/],
    [["--course", "long.json"], /^long\.json: has 1,000,001 bytes; a course has at most 1,000,000\.$/],
    [["--texts", "fr.json"], /--texts: fr\.json: it is no JSON: .*\. Begin from texts\/en\.json/],
    [["--texts", "deutsch_1.json"], /--texts: deutsch_1\.json: its name is no language\. .*de\.json/],
    [["--texts", "en.json"], /--texts: en\.json: the page itself is English/],
    [["--texts", "it.json"], /it\.json: there is no such file/],
  ];
  for (const [args, message] of cases) {
    expect(await refusal(folder, "studio", ...args)).toMatch(message);
  }
  other.close();
});
