/**
 * The equation editor with CodeMirror: colours, completion, and errors underlined. It is loaded when the Lab is opened.
 */
import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, RangeSetBuilder } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  keymap,
  lineNumbers,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { functions, initializers } from "../../../graph/vocabulary.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Mistake, wordsOf } from "./words.ts";

const own = texts.lab.cell.editor;

export type EditorOptions = {
  readonly text: string;
  readonly onChange: (text: string) => void;
  /** The id of the element with the instructions. */
  readonly describedBy: string;
};

export type Editor = {
  readonly setText: (text: string) => void;
  /** Show the error of a text, or none; a result for an older text is ignored. */
  readonly mark: (text: string, mistake: Mistake | undefined) => void;
  /** Move the focus to the editor. */
  readonly goTo: (place: Mistake) => void;
  readonly end: () => void;
};

export function createEditor(place: HTMLElement, { text, onChange, describedBy }: EditorOptions): Editor {
  const view = new EditorView({
    parent: place,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        colours,
        autocompletion({ override: [complete], icons: false }),
        // The editor does not handle Tab, which moves the focus to the next element.
        keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.contentAttributes.of({ "aria-label": own.label, "aria-describedby": describedBy, tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
        look,
      ],
    }),
  });
  return {
    setText(next) {
      const { doc } = view.state;
      if (doc.toString() !== next) view.dispatch({ changes: { from: 0, to: doc.length, insert: next } });
    },
    mark(of, mistake) {
      if (view.state.doc.toString() !== of) return;
      if (mistake === undefined) return view.dispatch(setDiagnostics(view.state, []));
      const { from, to, message } = mistake;
      view.dispatch(setDiagnostics(view.state, [{ from, to, message, severity: "error" }]));
    },
    goTo({ from, to }) {
      // The text can have become shorter since it was parsed.
      const { length } = view.state.doc;
      const selection = { anchor: Math.min(from, length), head: Math.min(to, length) };
      view.dispatch({ selection, scrollIntoView: true });
      view.focus();
    },
    end: () => view.destroy(),
  };
}

const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = decorate(view);
    }
    update(update: ViewUpdate): void {
      if (update.docChanged) this.decorations = decorate(update.view);
    }
  },
  { decorations: ({ decorations }) => decorations },
);

function decorate(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { role, from, to } of wordsOf(view.state.doc.toString())) {
    if (role !== "symbol") builder.add(from, to, Decoration.mark({ class: `word-${role}` }));
  }
  return builder.finish();
}

/** Functions and the names of the text; initialisers after `~`, sizes after `:`; nothing in a comment. */
function complete(context: CompletionContext): CompletionResult | null {
  const { text: line, from: start } = context.state.doc.lineAt(context.pos);
  const before = line.slice(0, context.pos - start);
  const typed = /[\p{L}_][\p{L}\p{Nd}_]*$/u.exec(before)?.[0] ?? "";
  if (before.includes("#") || (typed === "" && !context.explicit)) return null;
  const from = context.pos - typed.length;
  const validFor = /^[\p{L}_][\p{L}\p{Nd}_]*$/u;
  if (before.includes("~")) {
    const options = Object.entries(initializers).map(([label, { numbers, required }]) => ({
      label,
      detail: initialiser(Object.keys(numbers)),
      apply: required ? `${label}(` : label,
    }));
    return { from, options, validFor };
  }
  if (before.includes(":")) {
    const { units, input } = own.completion;
    const sizes = { units, input };
    return { from, options: Object.entries(sizes).map(([label, detail]) => ({ label, detail })), validFor };
  }
  const names = new Map<string, string>([["x", own.completion.x]]);
  for (const { role, text, from: at } of wordsOf(context.state.doc.toString())) {
    const isName = role === "state" || role === "value" || role === "parameter";
    if (isName && at !== from) {
      names.set(text, role === "state" && text.endsWith("'") ? own.completion.stateNow : own.completion[role]);
    }
  }
  const options = [
    ...Array.from(names, ([label, detail]) => ({ label, detail, boost: 1 })),
    ...Object.keys(functions).map((label) => ({ label, detail: own.completion.function, apply: `${label}(` })),
  ];
  return { from, options, validFor };
}

const initialiser = (numbers: readonly string[]): string =>
  numbers.length === 0
    ? own.completion.initialiser
    : fill(own.completion.initialiserOf, { numbers: numbers.join(", ") });

const look = EditorView.theme({
  "&": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "0.9rem", lineHeight: "1.65" },
  ".cm-content": { padding: "0.6rem 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "none" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--accent) 30%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "transparent", outline: "1px solid var(--soft)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", outline: "1px solid var(--warn)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--warn) 1.5px",
    textUnderlineOffset: "3px",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    maxWidth: "min(34rem, 90vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontFamily: "system-ui, sans-serif", fontStyle: "normal", opacity: "0.85" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--warn)" },
});
