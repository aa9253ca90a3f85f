/** Choose the source of the text: a given text, a pasted one, or a file. */
import { useState } from "preact/hooks";
import { graphemeEnd } from "../../../graph/excerpt.ts";
import { TextArea } from "../../components/text-area.tsx";
import { type SmallTask, type SmallTaskName, smallTasks, smallTaskText } from "../../models/small-tasks.ts";
import { fill, texts } from "../../texts/texts.ts";
import { maxToEdit, pastedText, readTextFile, type Source } from "./source.ts";

const own = texts.lab.training.source;

export type SourceChoiceProps = { readonly source: Source; readonly onChange: (source: Source) => void };

const tasks = Object.entries(smallTasks) as [SmallTaskName, SmallTask][];

export function SourceChoice({ source, onChange }: SourceChoiceProps) {
  const [problem, setProblem] = useState("");
  const [over, setOver] = useState(false);
  const read = (file: File | undefined): void => {
    if (file === undefined) return;
    const use = (read: Source): void => {
      setProblem("");
      onChange(read);
    };
    readTextFile(file).then(use, (error: Error) => setProblem(error.message));
  };
  // A long text is treated like a file: it cannot be edited here.
  const paste = (text: string): void => {
    try {
      onChange(pastedText(text));
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const choose = (value: string): void => {
    setProblem("");
    if (value === "book") onChange({ kind: "book" });
    else if (value === "pasted") onChange({ kind: "pasted", text: "" });
    else if (value !== "file") onChange({ kind: "task", task: value as SmallTaskName });
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is a shorter way to the button within
    <div
      class={over ? "source over" : "source"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        read(event.dataTransfer?.files[0]);
      }}
    >
      <div class="row">
        <label class="field text">
          {own.label}
          <select
            value={source.kind === "task" ? source.task : source.kind}
            onChange={({ currentTarget: { value } }) => choose(value)}
          >
            <option value="book">{own.book}</option>
            <optgroup label={own.tasks}>
              {tasks.map(([name, { title }]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </optgroup>
            <option value="pasted">{own.pasted}</option>
            {source.kind === "file" && <option value="file">{source.name}</option>}
          </select>
        </label>
        <label class="button file">
          {own.open}
          <input
            type="file"
            class="visually-hidden"
            onChange={({ currentTarget }) => {
              read(currentTarget.files?.[0]);
              currentTarget.value = "";
            }}
          />
        </label>
      </div>
      {problem !== "" && (
        <p class="error small" role="alert">
          {problem}
        </p>
      )}
      {source.kind === "task" && (
        <>
          <p class="small soft">{smallTasks[source.task].about}</p>
          <pre class="excerpt small">{smallTaskText(source.task, 0).split("\n").slice(0, 3).join("\n")}</pre>
        </>
      )}
      {source.kind === "pasted" && (
        <TextArea
          label={own.toTrainOn}
          rows={6}
          most={maxToEdit}
          value={source.text}
          onText={(text) => onChange({ kind: "pasted", text })}
          onTooLong={paste}
        />
      )}
      {source.kind === "file" && (
        <>
          <p class="small soft">{fill(own.file, { name: source.name, count: source.text.length })}</p>
          <pre class="excerpt small">{source.text.slice(0, graphemeEnd(source.text, 240))}</pre>
        </>
      )}
    </div>
  );
}
