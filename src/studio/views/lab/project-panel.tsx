/** Save the Lab's work as a file, and open such a file. */
import { useState } from "preact/hooks";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { download, keepModel, readModelFile } from "../../models/model-store.ts";
import { type Project, readProject, writeProject } from "./project.ts";
import type { Run } from "./runs.tsx";

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
    return `Saved with ${count(all.length)}.`;
  };
  const open = async (file: File): Promise<string> => {
    if (file.size > largestBytes)
      throw new Error(`${file.name} is larger than ${largestBytes / 1e6} MB: too large for a page.`);
    const { runs: its, ...rest } = readProject(new Uint8Array(await file.arrayBuffer()), file.name);
    // Nothing is imported unless all of them are models of text.
    for (const run of its) await engine().ask("madeOf", run.file, `${file.name}: ${run.name}`);
    const known = new Set(runs.map(keyOf));
    const fresh = its.filter((run) => !known.has(keyOf({ ...run, bytes: run.file.length })));
    for (const { name, training, file } of fresh) await keepModel({ name, training }, file);
    onOpen(rest);
    const there = its.length - fresh.length;
    return `${file.name} is open, with ${count(its.length)}${there > 0 ? `, ${there} of which were here already` : ""}.`;
  };
  return (
    <section aria-label="Project">
      <div class="row">
        <button type="button" onClick={() => attempt(save())}>
          Save all of this as a file
        </button>
        <label class="button file">
          Open a project file
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
        <span class="small soft">The cell, the text, the settings, and the runs with their models, as one file.</span>
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

const count = (runs: number): string => `${runs} run${runs === 1 ? "" : "s"}`;
/** It keeps its name here if possible: a name that is taken is changed when a run is stored. */
const keyOf = ({ bytes, training }: Pick<Run, "bytes" | "training">): string => JSON.stringify([bytes, training]);
