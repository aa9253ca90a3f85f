/** The equation editor: a plain text area until CodeMirror is loaded. */
import { useEffect, useRef, useState } from "preact/hooks";
import { fill, texts } from "../../texts/texts.ts";
import type { Editor as CodeMirror } from "./code-mirror.ts";
import type { Compiling } from "./compiling.ts";

const own = texts.lab.cell.editor;

/** A statement of its own, because the build makes anything chained to an `import()` a part of what it waits for. */
const loadEditor = () => import("./code-mirror.ts");

export type EditorProps = {
  readonly text: string;
  /** The number of times that the text was replaced from outside. */
  readonly opened: number;
  readonly onChange: (text: string) => void;
  /** The compiler's result for the text. */
  readonly compiling: Pick<Compiling, "phase" | "mistake" | "read" | "problem">;
};

export function Editor({ text, opened, onChange, compiling: { phase, mistake, read, problem } }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeMirror>(undefined);
  const [ready, setReady] = useState(false);
  // CodeMirror calls the current functions, not those from when it was created.
  const latest = useRef({ text, onChange });
  latest.current = { text, onChange };
  useEffect(() => {
    let gone = false;
    const make = (module: typeof import("./code-mirror.ts")): void => {
      if (gone || place.current === null) return;
      editor.current = module.createEditor(place.current, {
        text: latest.current.text,
        onChange: (next) => latest.current.onChange(next),
        describedBy: "editor-help",
      });
      setReady(true);
    };
    // Without CodeMirror, the text area stays.
    loadEditor().then(make, () => {});
    return () => {
      gone = true;
      editor.current?.end();
    };
  }, []);
  useEffect(() => editor.current?.setText(latest.current.text), [opened]);
  useEffect(() => {
    if (read !== undefined) editor.current?.mark(read, mistake);
  }, [ready, read, mistake]);
  return (
    <div class="editor">
      {!ready && (
        <textarea
          class="code"
          aria-label={own.label}
          rows={9}
          value={text}
          spellcheck={false}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      <div ref={place} />
      <p class="small mistake" role="status">
        {phase === "compiling" && <span class="soft">{own.compiling}</span>}
        {phase === "made" && <span class="soft">{own.made}</span>}
        {phase === "failed" && <span class="error">{problem}</span>}
        {mistake !== undefined && (
          <>
            <span class="error">{mistake.message}</span>{" "}
            <button type="button" class="quiet small" onClick={() => editor.current?.goTo(mistake)}>
              {fill(own.goToLine, { line: mistake.line })}
            </button>
          </>
        )}
      </p>
    </div>
  );
}
