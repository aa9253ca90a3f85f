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
import { fill, rich, texts } from "../texts/texts.ts";
import { viewOfTask } from "./task-views.ts";

const words = texts.models.taskModels;

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
  if (models === undefined) return <p class="soft">{words.looking}</p>;
  return (
    <>
      <div class="picker">
        {own.length > 0 && (
          <label class="field">
            {words.model}
            <select
              value={found?.id ?? ""}
              onChange={({ currentTarget: { value } }) => go(linkTo(view, value === "" ? [] : [value], query))}
            >
              {found === undefined && <option value="">{words.choose}</option>}
              {own.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <FileButton onFiles={take} label={words.open} />
      </div>
      {own.length === 0 && <p>{rich(words.none, { what, command })}</p>}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {id !== undefined && found === undefined && <p role="alert">{fill(words.gone, { id })}</p>}
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
  if (value === undefined) return <p class="soft">{fill(words.opening, { name: model.name })}</p>;
  const { task } = value.facts;
  const own = viewOfTask(task);
  if (own?.view === view) return <>{children(value)}</>;
  const said = { name: value.name, title: task.title, kind: task.kind, what };
  return (
    <p role="status">
      {task.reads === undefined
        ? fill(words.otherTask, said)
        : fill(words.otherTaskReads, { ...said, reads: task.reads })}
      {own !== undefined && (
        <>
          {" "}
          <a href={linkTo(own.view, [value.id])}>{own.withThis}</a>
        </>
      )}
    </p>
  );
}
