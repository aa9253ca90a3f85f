/** Save the Lab's work as a file, and open such a file. */
import { useState } from "preact/hooks";
import { download } from "../../download.ts";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { keepModel, readModelFile } from "../../models/model-store.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Project, readProject, writeProject } from "./project.ts";
import type { Run } from "./runs.tsx";

const own = texts.lab.project;

/** The largest file that a page should load. */
const largestBytes = 512e6;

export type ProjectPanelProps = Omit<Project, "runs"> & {
  readonly runs: readonly Run[];
  readonly onOpen: (project: Omit<Project, "runs">) => void;
};

export function ProjectPanel({ runs, onOpen, ...work }: ProjectPanelProps) {
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState("");
  const attempt = (doing: Promise<string>): void => {
    setSaid("");
    setProblem("");
    doing.then(setSaid, (error) => setProblem(messageOf(error)));
  };
  const save = async (): Promise<string> => {
    const all = await Promise.all(
      runs.map(async ({ id, name, training }) => ({ name, training, file: await readModelFile(id) })),
    );
    download("project.unrolled", writeProject({ ...work, runs: all }));
    return fill(own.saved, { n: all.length });
  };
  const open = async (file: File): Promise<string> => {
    if (file.size > largestBytes) {
      throw new Error(fill(own.tooLarge, { file: file.name, most: largestBytes / 1e6 }));
    }
    const { runs: its, ...rest } = readProject(new Uint8Array(await file.arrayBuffer()), file.name);
    // Nothing is imported unless all of them are models of text.
    for (const run of its) await engine().ask("madeOf", run.file, `${file.name}: ${run.name}`);
    const known = new Set(runs.map(keyOf));
    const fresh = its.filter((run) => !known.has(keyOf({ ...run, bytes: run.file.length })));
    for (const { name, training, file } of fresh) await keepModel({ name, training }, file);
    onOpen(rest);
    const there = its.length - fresh.length;
    return fill(there > 0 ? own.openedSome : own.opened, { file: file.name, n: its.length, known: there });
  };
  return (
    <section aria-label={own.title}>
      <div class="row">
        <button type="button" onClick={() => attempt(save())}>
          {own.save}
        </button>
        <label class="button file">
          {own.open}
          <input
            type="file"
            accept=".unrolled"
            class="visually-hidden"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              if (file !== undefined) attempt(open(file));
              currentTarget.value = "";
            }}
          />
        </label>
        <span class="small soft">{own.about}</span>
      </div>
      <p class="small" role="status">
        {said}
      </p>
      {problem !== "" && (
        <p class="error small" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

/** It keeps its name here if possible: a name that is taken is changed when a run is stored. */
const keyOf = ({ bytes, training }: Pick<Run, "bytes" | "training">): string => JSON.stringify([bytes, training]);
