/** Open one of the reader's models for a view: chosen from a list, from a file, or, if there is none, trained now. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Address, go, isStillAt, linkTo } from "../address.ts";
import { Failed } from "../components/failed.tsx";
import { engine } from "../engine/engine.ts";
import type { BroughtModel, ModelFacts } from "../engine/open-models.ts";
import { messageOf } from "../loading.ts";
import "./picker.css";
import { fill, texts } from "../texts/texts.ts";
import { linking } from "./linked.ts";
import { isOfText, keepModel, readModelFile, type StoredModel, useModels } from "./model-store.ts";
import { type OpenModel, useOpenModel } from "./open-model.ts";
import { viewOfTask } from "./task-views.ts";
import { TrainSmall } from "./train-small.tsx";

const words = texts.models.picker;

export type WithModelProps = {
  readonly address: Address;
  /** The part of the address's query that also applies to another model. */
  readonly carried: readonly string[];
  /** The view of an open model. */
  readonly children: (model: OpenModel) => ComponentChildren;
};

/** The model that the address names (`#/inspect/moby-dick`), with controls to open another. */
export function WithModel({ address, carried, children }: WithModelProps) {
  const models = useModels();
  const { view, path, query } = address;
  const [id] = path;
  const first = (models?.find(isOfText) ?? models?.[0])?.id;
  useEffect(() => {
    if (id === undefined && first !== undefined && isStillAt(address, []))
      go(linkTo(view, [first], query), { replace: true });
  }, [id, first]);
  const found = models?.find((model) => model.id === id);
  const waits = linking.use() && found === undefined;
  const opened = useOpenModel(found && { ...found, load: () => readModelFile(found.id) });
  const [problem, setProblem] = useState("");
  const show = (chosen: string): void => {
    const kept = Object.entries(query).filter(([name]) => carried.includes(name));
    go(linkTo(view, [chosen], Object.fromEntries(kept)));
  };
  const take = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    setProblem("");
    try {
      show((await keepFiles(files)).id);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useDroppedFiles(take);

  if (models === undefined) return <p class="soft">{words.looking}</p>;
  const gone = id !== undefined && found === undefined && !waits;
  return (
    <>
      {models.length > 0 && (
        <div class="picker">
          <ModelSelect models={models} chosen={found?.id} onChoose={show} />
          <FileButton onFiles={take} />
          {opened.value !== undefined && <p class="soft small">{described(opened.value.facts)}</p>}
        </div>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {opened.error !== undefined && <Failed error={opened.error} onRetry={opened.retry} />}
      {waits && <p class="soft">{words.linked}</p>}
      {gone && <p role="alert">{fill(models.length > 0 ? words.goneOfSome : words.gone, { id })}</p>}
      {models.length === 0 && !waits && (
        <div class="card picker-start">
          <h2>{words.none}</h2>
          <p>{words.start}</p>
          <TrainSmall onKept={show} />
          <FileButton onFiles={take} />
        </div>
      )}
      {opened.value !== undefined &&
        (isOfText(opened.value.facts) ? children(opened.value) : <OfAnotherTask model={opened.value} />)}
    </>
  );
}

function OfAnotherTask({ model: { id, name, facts } }: { readonly model: OpenModel }) {
  const own = viewOfTask(facts.task);
  return (
    <p role="status">
      {fill(words.otherTask, { name, title: facts.task.title, kind: facts.task.kind })}
      {own !== undefined && (
        <>
          {" "}
          <a href={linkTo(own.view, [id])}>{own.withThis}</a>
        </>
      )}
    </p>
  );
}

type ModelSelectProps = {
  readonly models: readonly StoredModel[];
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
};
function ModelSelect({ models, chosen, onChoose }: ModelSelectProps) {
  return (
    <label class="field">
      {words.model}
      <select value={chosen ?? ""} onChange={(event) => onChoose(event.currentTarget.value)}>
        {chosen === undefined && <option value="">{words.choose}</option>}
        {models.map((model) => (
          <option key={model.id} value={model.id}>
            {isOfText(model) ? model.name : `${model.name} (${model.task?.kind})`}
          </option>
        ))}
      </select>
    </label>
  );
}

type FileButtonProps = { readonly onFiles: (files: readonly File[]) => void; readonly label?: string };
/** Several files are one model: what lies beside it, or its vocabulary. */
export function FileButton({ onFiles, label = words.open }: FileButtonProps) {
  const id = useId();
  return (
    <span class="picker-file">
      <input
        id={id}
        class="visually-hidden"
        type="file"
        multiple
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // Choosing the same file again counts as well.
          event.currentTarget.value = "";
        }}
      />
      <label for={id} class="button">
        {label}
      </label>
    </span>
  );
}

/** Endings of files that are models whatever is dropped with them. */
const endings = /\.(safetensors|keras|h5|hdf5|pt|pth|onnx|npz)$/i;
/** Whether a model is among some files, as far as their names tell. */
export const haveModel = (files: readonly File[]): boolean => files.some(({ name }) => endings.test(name));

/** The model of a file, or of files that belong together. @throws InputError of one line for files without a model */
export async function broughtBy(files: readonly File[]): Promise<BroughtModel> {
  const read = files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }));
  return engine().ask("broughtModel", await Promise.all(read));
}

type Kept = { readonly id: string; readonly task: ModelFacts["task"] };
export async function keepBrought({ name, bytes, facts }: Extract<BroughtModel, { facts: unknown }>): Promise<Kept> {
  const { id } = await keepModel({ name: name.replace(/\.\w+$/, ""), task: facts.task }, bytes);
  return { id, task: facts.task };
}

/** Keep the model of some files. @throws InputError of one line for files without a model, and for one that nothing says the task of */
export async function keepFiles(files: readonly File[]): Promise<Kept> {
  const brought = await broughtBy(files);
  if ("facts" in brought) return keepBrought(brought);
  throw new Error(fill(words.untold, { name: brought.name, source: brought.source }));
}

/** What takes typing: pasting there is its own. */
const fields =
  "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=range], [type=file])";

/**
 * The files that are dropped anywhere in the view, or pasted outside of its fields.
 * @param takeText takes a text that is pasted so
 */
export function useDroppedFiles(take: (files: readonly File[]) => void, takeText?: (text: string) => void): void {
  const present = useRef({ take, takeText });
  present.current = { take, takeText };
  useEffect(() => {
    const hasFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent): void => {
      if (hasFile(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      if (!hasFile(event)) return;
      event.preventDefault();
      present.current.take([...(event.dataTransfer?.files ?? [])]);
    };
    const paste = (event: ClipboardEvent): void => {
      const { target, clipboardData } = event;
      if (clipboardData === null || (target instanceof Element && target.closest(fields) !== null)) return;
      const { takeText } = present.current;
      // Cells of a spreadsheet come as a text and as a picture of it.
      const text = clipboardData.getData("text/plain");
      const files = [...clipboardData.files];
      if (text.trim() === "" && files.length > 0) present.current.take(files);
      else if (text.trim() !== "" && takeText !== undefined) takeText(text);
      else return;
      event.preventDefault();
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, []);
}

export const described = ({ text, parameters, layers }: ModelFacts): string =>
  [
    layers.join(", "),
    ...(text === undefined
      ? []
      : [
          fill(words.described.vocabulary[text.tokens === "whitespace" ? "word" : text.tokens], {
            n: text.vocabulary.toLocaleString("en"),
          }),
        ]),
    fill(words.described.parameters, { n: parameters.toLocaleString("en") }),
  ].join(" · ");
