/** Which units follow something in the text: inside quotes, the place in the line, whatever an expression matches. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Engine, startEngine } from "../../engine/engine.ts";
import type { Pattern } from "../../engine/patterns.ts";
import type { Reading, ReadValue } from "./reading.ts";

/** A pattern's own numbers (T), and which of them has the strongest colour. */
export type Found = { readonly signal: Float32Array; readonly extent: number };
type Match = { readonly value: ReadValue; readonly unit: number; readonly correlation: number };

export type PatternSearchProps = {
  readonly reading: Reading;
  /** Whether all of the text is read. */
  readonly ready: boolean;
  readonly value: ReadValue;
  readonly unit: number;
  /** As it stands in the address: a kind of pattern, or an expression after a stroke. "" for none. */
  readonly find: string;
  readonly onFind: (find: string) => void;
  readonly onFound: (found: Found | undefined) => void;
  readonly onShow: (value: ReadValue, unit: number) => void;
};

const kinds: Readonly<Record<Pattern["kind"], string>> = {
  quotes: "Inside quotes",
  line: "Place in the line",
  parentheses: "Inside parentheses",
  expression: "A word or an expression",
};
const mostShown = 10;

const patternOf = (find: string): Pattern | undefined => {
  if (find.startsWith("/")) return { kind: "expression", source: find.slice(1) };
  return find === "quotes" || find === "line" || find === "parentheses" ? { kind: find } : undefined;
};

type State =
  | { readonly kind: "idle" | "searching" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "found"; readonly matches: readonly Match[] };

export function PatternSearch(props: PatternSearchProps) {
  const { reading, ready, value, unit, find, onFind, onFound, onShow } = props;
  const asked = patternOf(find);
  const [kind, setKind] = useState<Pattern["kind"]>(asked?.kind ?? "quotes");
  const [source, setSource] = useState(asked?.kind === "expression" ? asked.source : "");
  const [all, setAll] = useState(true);
  const [state, setState] = useState<State>({ kind: "idle" });
  const own = useRef<Engine | undefined>(undefined);
  useEffect(() => () => own.current?.end(), []);

  const stop = (): void => {
    own.current?.end();
    own.current = undefined;
    setState({ kind: "idle" });
  };
  const search = async (pattern: Pattern): Promise<void> => {
    // An expression may take for ever: its worker ends with it.
    own.current?.end();
    const engine = startEngine();
    own.current = engine;
    // One that was stopped, or followed by another, says nothing more.
    const tell = (next: State): void => {
      if (own.current === engine) setState(next);
    };
    tell({ kind: "searching" });
    onFound(undefined);
    try {
      const signal = await engine.ask("signal", reading.head.texts, pattern);
      const extent = signal.reduce((a, b) => Math.max(a, b), 0);
      if (signal.every((x) => x === signal[0])) {
        tell({
          kind: "failed",
          message: "The pattern is the same at every token of this text. Choose another text, or another pattern.",
        });
        return;
      }
      if (own.current === engine) onFound({ signal, extent });
      const matches: Match[] = [];
      for (const each of all ? reading.values : [value]) {
        const found = await engine.ask("correlate", each.data, each.size, signal);
        found.forEach((correlation, unit) => matches.push({ value: each, unit, correlation }));
      }
      matches.sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
      tell({ kind: "found", matches: matches.slice(0, mostShown) });
    } catch (error) {
      tell({ kind: "failed", message: (error as Error).message });
    } finally {
      engine.end();
    }
  };
  useEffect(() => {
    if (ready && asked !== undefined) void search(asked);
  }, [ready]);

  return (
    <>
      <form
        class="pattern"
        onSubmit={(event) => {
          event.preventDefault();
          if (kind === "expression" && source === "") return;
          onFind(kind === "expression" ? `/${source}` : kind);
          void search(kind === "expression" ? { kind, source } : { kind });
        }}
      >
        <label class="field">
          Pattern
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value as Pattern["kind"])}>
            {Object.entries(kinds).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {kind === "expression" && (
          <label class="field">
            Expression
            <input
              type="text"
              class="code"
              value={source}
              spellcheck={false}
              placeholder="whale|\bsea\b"
              onInput={(event) => setSource(event.currentTarget.value)}
            />
          </label>
        )}
        <label class="field">
          Among
          <select value={all ? "all" : "one"} onChange={(event) => setAll(event.currentTarget.value === "all")}>
            <option value="all">all values</option>
            <option value="one">{value.label}</option>
          </select>
        </label>
        <button type="submit" disabled={!ready}>
          Find units
        </button>
      </form>
      {state.kind === "searching" && (
        <p role="status">
          Searching …{" "}
          <button type="button" class="quiet" onClick={stop}>
            Stop
          </button>
        </p>
      )}
      {state.kind === "failed" && (
        <p class="error" role="alert">
          {state.message}
        </p>
      )}
      {state.kind === "found" && (
        <>
          <p class="soft small" role="status">
            By correlation with the pattern, 1 and −1 the strongest. Choose one to see it beside the pattern in the map.
          </p>
          <ol class="matches">
            {state.matches.map((match) => (
              <li key={`${match.value.key} ${match.unit}`}>
                <button
                  type="button"
                  aria-pressed={match.value.key === value.key && match.unit === unit}
                  onClick={() => onShow(match.value, match.unit)}
                >
                  <code>{match.value.size === 1 ? match.value.label : `${match.value.label}[${match.unit}]`}</code>
                  <span class="numbers">{match.correlation.toFixed(3).replace("-", "−")}</span>
                </button>
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}
