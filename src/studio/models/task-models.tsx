/** Models of one task for its view: chosen from a list or from a file; the one of the address is open. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Address, go, linkTo, type ViewName } from "../address.ts";
import { Failed } from "../components/failed.tsx";
import { messageOf } from "../loading.ts";
import { readModelFile, type StoredModel, useModels } from "./model-store.ts";
import { type OpenModel, useOpenModel } from "./open-model.ts";
import { FileButton, haveModel, keepFiles, useDroppedFiles } from "./picker.tsx";
import "./picker.css";
import { viewOfTask } from "./task-views.ts";

export type WithTaskModelProps = {
  readonly address: Address;
  /** "classifiers" */
  readonly what: string;
  /** How such a model is made, for who has none. */
  readonly command: string;
  /** For dropped files without a model, one at least. */
  readonly onOther: (files: readonly [File, ...File[]]) => void;
  /** For a text that is pasted outside of the view's fields. */
  readonly onText?: (text: string) => void;
  readonly children: (model: OpenModel) => ComponentChildren;
};

export function WithTaskModel({ address, what, command, onOther, onText, children }: WithTaskModelProps) {
  const { view, path, query } = address;
  const [id] = path;
  const models = useModels();
  const own = models?.filter(({ task }) => viewOfTask(task)?.view === view) ?? [];
  const found = models?.find((model) => model.id === id);
  const [problem, setProblem] = useState("");
  const open = async (files: readonly File[]): Promise<void> => {
    setProblem("");
    try {
      const kept = await keepFiles(files);
      const its = viewOfTask(kept.task)?.view ?? "inspect";
      go(linkTo(its, [kept.id], its === view ? query : {}));
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const take = (files: readonly File[]): void => {
    if (haveModel(files)) void open(files);
    else if (files.length > 0) onOther(files as readonly [File, ...File[]]);
  };
  useDroppedFiles(take, onText);
  if (models === undefined) return <p class="soft">Looking for models …</p>;
  return (
    <>
      <div class="picker">
        {own.length > 0 && (
          <label class="field">
            Model
            <select
              value={found?.id ?? ""}
              onChange={({ currentTarget: { value } }) => go(linkTo(view, value === "" ? [] : [value], query))}
            >
              {found === undefined && <option value="">Choose one</option>}
              {own.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <FileButton onFiles={take} label="Open a model …" />
      </div>
      {own.length === 0 && (
        <p>
          There are no {what} here yet. Open a file that Unrolled has saved: <code>{command}</code> makes one.
        </p>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {id !== undefined && found === undefined && (
        <p role="alert">The model “{id}” is no longer here. Choose another one, or open its file.</p>
      )}
      {found !== undefined && (
        <OpenedOfTask key={found.id} {...{ model: found, view, what }}>
          {children}
        </OpenedOfTask>
      )}
    </>
  );
}

export type OpenedOfTaskProps = {
  readonly model: StoredModel;
  readonly view: ViewName;
  readonly what: string;
  readonly children: (model: OpenModel) => ComponentChildren;
};

/** A component for each model, which is open as long as it is there. */
export function OpenedOfTask({ model, view, what, children }: OpenedOfTaskProps) {
  const { value, error, retry } = useOpenModel({ ...model, load: () => readModelFile(model.id) });
  if (error !== undefined) return <Failed error={error} onRetry={retry} />;
  if (value === undefined) return <p class="soft">Opening {model.name} …</p>;
  const { task } = value.facts;
  const own = viewOfTask(task);
  if (own?.view === view) return <>{children(value)}</>;
  return (
    <p role="status">
      “{value.name}” is {task.title} (task “{task.kind}”){task.reads !== undefined && ` that reads ${task.reads}`}, and
      this view shows {what}.
      {own !== undefined && (
        <>
          {" "}
          <a href={linkTo(own.view, [value.id])}>{own.action} with this one.</a>
        </>
      )}
    </p>
  );
}
