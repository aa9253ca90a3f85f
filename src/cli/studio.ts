/** `unrolled studio`: serve the studio's page to a local browser. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hono } from "hono";
import { decodeText } from "../formats/decode-text.ts";
import { readInput } from "../formats/files.ts";
import { writeModel } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { largestCourse, readCourse } from "../studio/course/course-file.ts";
import { openAnyModel } from "../tasks/index.ts";
import { ours } from "../tasks/open-model.ts";
import { type TaskFacts, taskFacts } from "../tasks/task.ts";
import { hostOf, listen, localApp, localPageOptions, sayAddress } from "./local-page.ts";
import { foreignOptions, foreignSides, readModelAt, withTask } from "./model-input.ts";
import type { Command, Given } from "./options.ts";
import { warn } from "./output.ts";

const usualPort = 4747;

export const studio: Command = {
  name: "studio",
  usage: "studio [MODEL.safetensors ...] [options]",
  summary: "open the page to learn, build, train and inspect",
  details: "Everything runs in the browser. The given models appear in it. Ctrl-C ends it.",
  examples: [
    "studio",
    "studio models/moby-dick.safetensors --port 8000",
    "studio --course-file > course.json",
    "studio --course course.json",
  ],
  arguments: [0, 100],
  options: {
    course: {
      value: "[FILE.json]",
      help: "open the page with a course: stops with tasks and checks [the built-in one]",
      omissible: /\.json$/i,
    },
    "course-file": { help: "write the built-in course to standard output, as a file to change, and end" },
    ...localPageOptions(usualPort),
    texts: { value: "LANG.json", help: "texts of the page in another language, such as de.json" },
    ...foreignOptions,
    ...foreignSides,
  },
  async run(given) {
    const folder = fileURLToPath(new URL("../studio", import.meta.url));
    if (!existsSync(join(folder, "index.html"))) throw new Error("the page is missing in this installation");
    if (given.flag("course-file")) {
      process.stdout.write(readFileSync(join(folder, builtInCourse), "utf8"));
      return;
    }
    const asked = given.text("course");
    const course = asked === "" ? undefined : asked;
    if (course !== undefined) checkCourse(course);
    const models = await describeAll(given);
    const same = models.find(({ id }, k) => models.findIndex((other) => other.id === id) < k);
    if (same !== undefined) {
      throw new InputError(`${same.path}: there is another model named "${same.id}". Rename one of the two.`);
    }
    const path = given.text("texts");
    const language = path === undefined ? undefined : languageOf(path);
    const own = new Map([
      ...(course === undefined ? [] : [[`/${builtInCourse}`, course] as const]),
      ...(path === undefined ? [] : [[`/texts/${language}.json`, path] as const]),
    ]);
    const { address } = await listen(await studioPage(folder, models, own, hostOf(given)), given, usualPort);
    const query = new URLSearchParams({
      ...(asked === undefined ? {} : { course: builtInCourse }),
      ...(language === undefined ? {} : { lang: language }),
    });
    const whole = query.size === 0 ? address : `${address}?${query}`;
    sayAddress(whole, ["The studio is at", "Ctrl-C ends it"], given.flag("json"));
  },
};

/** The name of a course beside the page; there is one in its folder. */
const builtInCourse = "course.json";

/** @throws InputError, one line, for a file that is no course */
function checkCourse(path: string): void {
  const bytes = readInput(path);
  if (bytes.length > largestCourse) {
    const [found, most] = [bytes.length, largestCourse].map((count) => count.toLocaleString("en-US"));
    throw new InputError(`${path}: has ${found} bytes; a course has at most ${most}.`);
  }
  readCourse(decodeText(bytes, path), path);
}

type GivenModel = {
  readonly path: string;
  /** The model as a file of ours. */
  readonly file: () => Uint8Array<ArrayBuffer>;
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly task: TaskFacts;
};

/** Describe the models that can be shown, with a warning for each other one. @throws InputError if none is left */
async function describeAll(given: Given): Promise<GivenModel[]> {
  const problems: InputError[] = [];
  const models: GivenModel[] = [];
  for (const path of given.positionals) {
    try {
      models.push(await described(path, given));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error);
    }
  }
  if (models.length === 0 && problems[0] !== undefined) throw problems[0];
  for (const { message } of problems) warn(`${message} Left out.`, given.flag("json"));
  return models;
}

/** A model as the page lists it. @throws InputError for a file that is not a model of a known task */
async function described(path: string, given: Given): Promise<GivenModel> {
  const read = await readModelAt(path, given, { others: given.positionals.length > 1 });
  const { task, file, content } = openAnyModel(withTask(read, path), path);
  const facts = taskFacts(task, content());
  checkFiniteValues(file.model, path);
  const name = basename(path, extname(path));
  if (read.source === ours) {
    const bytes = () => new Uint8Array(readFileSync(path));
    return { path, file: bytes, id: name, name, bytes: statSync(path).size, task: facts };
  }
  const bytes = writeModel(file);
  return { path, file: () => bytes, id: name, name, bytes: bytes.length, task: facts };
}

/** The language of a file of texts. The page itself checks the texts. @throws InputError if it cannot be one */
function languageOf(path: string): string {
  const name = basename(path, ".json");
  const refuse = (why: string): never => {
    throw new InputError(`--texts: ${path}: ${why}`);
  };
  if (!isTag(name)) refuse("its name is no language. Name it by a tag: de.json, or pt-BR.json.");
  if (/^en$/i.test(name)) refuse("the page itself is English. Name a copy by its language: de.json, or en-GB.json.");
  const text = decodeText(readInput(path), path);
  try {
    JSON.parse(text);
  } catch (error) {
    refuse(`it is no JSON: ${(error as Error).message}. Begin from texts/en.json of the page.`);
  }
  return name;
}

/** Whether it is a tag of BCP 47. */
function isTag(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length === 1;
  } catch {
    return false;
  }
}

/** Serve the page's files, the models and, by their paths in the page, the reader's own files in place of the built-in ones. */
async function studioPage(
  folder: string,
  models: readonly GivenModel[],
  own: ReadonlyMap<string, string>,
  host: string,
): Promise<Hono> {
  const { serveStatic } = await import("@hono/node-server/serve-static");
  const app = await localApp(host, ({ pathname, searchParams }) => {
    // A chapter may stand in any page; of the rest of the studio only files that every installation has.
    if (pathname === "/" && searchParams.has("embed")) return "page";
    return pathname.startsWith("/assets/") ? "file" : undefined;
  });
  app.get("/models.json", (c) => c.json(models.map(({ path: _, file: __, ...model }) => model)));
  app.get("/models/:file", (c) => {
    const model = models.find(({ id }) => `${id}.safetensors` === c.req.param("file"));
    if (model === undefined) return c.notFound();
    return c.body(model.file(), 200, { "Content-Type": "application/octet-stream" });
  });
  for (const [path, file] of own) {
    // As it is now: who changes it loads the page again, which says what is wrong.
    const type = { "Content-Type": "application/json" };
    app.get(path, (c) => (existsSync(file) ? c.body(readFileSync(file, "utf8"), 200, type) : c.notFound()));
  }
  app.use(serveStatic({ root: folder }));
  return app;
}
