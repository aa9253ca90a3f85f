/** The Lab's work as a file: to take away, and to go on with elsewhere. */
import { useState } from "preact/hooks";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { download, keepModel, readModelFile } from "../../models/model-store.ts";
import { type Project, readProject, writeProject } from "./project.ts";
import type { Run } from "./runs.tsx";

/** What a page should take in at once. */
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
    // All of them are models of text, or nothing is taken.
    for (const run of its) await engine().ask("madeOf", run.file, `${file.name}: ${run.name}`);
    const known = new Set(runs.map(keyOf));
    const fresh = its.filter((run) => !known.has(keyOf({ ...run, bytes: run.file.length })));
    for (const { name, training, file } of fresh) await keepModel({ name, training }, file);
    onOpen(rest);
    const there = its.length - fresh.length;
    return `${file.name} is open, with ${count(its.length)}${there > 0 ? `, ${there} of them here already` : ""}.`;
  };
  return (
    <section aria-label="Project">
      <div class="row">
        <button type="button" onClick={() => attempt(save())}>
          Save all of this as a file
        </button>
        <label class="button file">
          Open such a file
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
        <span class="small soft">The cell, the text, the settings, and the runs with their models.</span>
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
/** By a name of its own it is here, too: names that others have are changed where a run is kept. */
const keyOf = ({ bytes, training }: Pick<Run, "bytes" | "training">): string => JSON.stringify([bytes, training]);
