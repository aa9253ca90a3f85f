/**
 * Find units that follow a pattern in the text: inside quotes, the position in the line, or the matches of an
 * expression. Each number is shown with its value by chance.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Effect, otherUnits } from "../../../tasks/ablation.ts";
import {
  type Correlations,
  type Follower,
  type Following,
  followingOf,
  prepare,
  type Shifted,
} from "../../../tasks/following.ts";
import { lossWords, verdictWords } from "../../../tasks/following-words.ts";
import type { Pattern } from "../../../tasks/patterns.ts";
import type { Probe } from "../../../tasks/probe.ts";
import { type Engine, startEngine } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";
import type { Reading, ReadValue } from "./reading.ts";

const says = texts.inspect.pattern;

/** The values (T) of a pattern, and the number with the strongest colour. */
export type Found = { readonly signal: Float32Array; readonly extent: number };

export type PatternSearchProps = {
  readonly model: OpenModel;
  readonly reading: Reading;
  /** Whether all of the text is read. */
  readonly ready: boolean;
  readonly value: ReadValue;
  readonly unit: number;
  /** The pattern in the address: a kind of pattern, or an expression after a slash. "" means none. */
  readonly find: string;
  readonly onFind: (find: string) => void;
  readonly onFound: (found: Found | undefined) => void;
  readonly onShow: (value: ReadValue, unit: number) => void;
};

const kinds: Readonly<Record<Pattern["kind"], string>> = says.kinds;
const maxShown = 10;
/** The text is read again without the unit, and without a number of other units for comparison. */
const othersCompared = 14;
/** The number of tokens of the second half that are read this way. */
const maxAblated = 20_000;

const patternOf = (find: string): Pattern | undefined => {
  if (find.startsWith("/")) return { kind: "expression", source: find.slice(1) };
  return find === "quotes" || find === "line" || find === "parentheses" ? { kind: find } : undefined;
};

type State =
  | { readonly kind: "idle" | "searching" }
  | { readonly kind: "failed"; readonly message: string }
  | {
      readonly kind: "found";
      readonly values: readonly ReadValue[];
      readonly following: Following;
      readonly probe?: Probe | undefined;
      /** The progress of reading without units, then the increase of the loss. */
      readonly share?: number;
      readonly effects?: readonly Effect[];
      /** How many tokens of the second half are read this way, if not all. */
      readonly ablated?: number | undefined;
      /** The measurement that failed, and the reason. */
      readonly problem?: string;
    };
type Finding = Extract<State, { readonly kind: "found" }>;

export function PatternSearch(props: PatternSearchProps) {
  const { model, reading, ready, value, unit, find, onFind, onFound, onShow } = props;
  const asked = patternOf(find);
  const [kind, setKind] = useState<Pattern["kind"]>(asked?.kind ?? "quotes");
  const [source, setSource] = useState(asked?.kind === "expression" ? asked.source : "");
  const [all, setAll] = useState(true);
  const [state, setState] = useState<State>({ kind: "idle" });
  const own = useRef<Engine | undefined>(undefined);
  const end = (): void => {
    own.current?.end();
    own.current = undefined;
  };
  useEffect(() => end, []);

  const stop = (): void => {
    end();
    setState({ kind: "idle" });
  };
  const search = async (pattern: Pattern): Promise<void> => {
    // An expression can run for ever, so its worker is terminated with it.
    end();
    const engine = startEngine();
    own.current = engine;
    // A search that was stopped or replaced reports nothing more.
    const isWanted = (): boolean => own.current === engine;
    const tell = (next: State): void => {
      if (isWanted()) setState(next);
    };
    tell({ kind: "searching" });
    onFound(undefined);
    try {
      const signal = await engine.ask("signal", reading.head.texts, pattern);
      const extent = signal.reduce((a, b) => Math.max(a, b), 0);
      if (signal.every((x) => x === signal[0])) {
        tell({
          kind: "failed",
          message: extent === 0 ? says.absent : says.constant,
        });
        return;
      }
      if (isWanted()) onFound({ signal, extent });
      // The surprise belongs to the model's output and is not a unit.
      const values = all ? reading.values.filter(({ key }) => key !== reading.surprise.key) : [value];
      const found: Correlations[] = [];
      for (const each of values) found.push(await engine.ask("correlate", each.data, each.size, signal));
      const following = followingOf(found, prepare(signal), maxShown);
      let finding: Finding = { kind: "found", values, following };
      tell(finding);
      if (following.verdict === "too few") return;
      const remembered = all ? values.filter(({ state }) => state) : values;
      const probed = await engine.ask("probe", remembered.length > 0 ? remembered : values, signal);
      finding = { ...finding, probe: probed };
      tell(finding);
      const [best] = following.best as readonly [Follower];
      const { key, size } = values[best.value] as ReadValue;
      if (size === 1) return;
      const half = Math.floor(signal.length / 2);
      const ids = reading.head.ids.slice(half, half + maxAblated);
      finding = { ...finding, ablated: ids.length < signal.length - half ? ids.length : undefined };
      const units = [best.unit, ...otherUnits(size, best.unit, othersCompared)];
      const ablated = units.map((unit) => ({ key, unit }));
      const without = model.run("ablate", ids, signal.slice(half, half + ids.length), ablated);
      try {
        while (isWanted()) {
          const step = await without.next();
          if (step.done) {
            tell({ ...finding, effects: step.value });
            return;
          }
          tell({ ...finding, share: step.value });
        }
        await without.return([]);
      } catch (error) {
        tell({ ...finding, problem: (error as Error).message });
      }
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
          {says.kind}
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
            {says.expression}
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
          {says.among}
          <select value={all ? "all" : "one"} onChange={(event) => setAll(event.currentTarget.value === "all")}>
            <option value="all">{says.all}</option>
            <option value="one">{value.label}</option>
          </select>
        </label>
        <button type="submit" disabled={!ready}>
          {says.find}
        </button>
      </form>
      {state.kind === "searching" && (
        <p role="status">
          {says.searching}{" "}
          <button type="button" class="quiet" onClick={stop}>
            {says.stop}
          </button>
        </p>
      )}
      {state.kind === "failed" && (
        <p class="error" role="alert">
          {state.message}
        </p>
      )}
      {state.kind === "found" && <Finding finding={state} value={value} unit={unit} onShow={onShow} />}
    </>
  );
}

type FindingProps = Pick<PatternSearchProps, "value" | "unit" | "onShow"> & { readonly finding: Finding };

function Finding({ finding, value, unit, onShow }: FindingProps) {
  const { values, following } = finding;
  const nameOf = ({ value, unit }: Follower): string => {
    const { label, size } = values[value] as ReadValue;
    return size === 1 ? label : `${label}[${unit}]`;
  };
  const [best] = following.best;
  if (best === undefined) return null;
  const [own, ...others] = finding.effects ?? [];
  const isTold = following.verdict !== "too few";
  return (
    <>
      <p class="verdict" role="status">
        <b>{verdictWords(following, nameOf(best))}</b>
        {own !== undefined && following.verdict !== "none" && ` ${lossWords(own, others, nameOf(best))}`}
      </p>
      {isTold && <Evidence finding={finding} name={nameOf(best)} />}
      {isTold && finding.effects === undefined && finding.share !== undefined && (
        <progress class="reading" value={finding.share} aria-label={says.ablating} />
      )}
      {finding.problem !== undefined && (
        <p class="error" role="alert">
          {finding.problem}
        </p>
      )}
      {isTold && (
        <>
          <p class="soft small">{says.strongest}</p>
          <ol class="matches">
            {following.best.map((match) => {
              const each = values[match.value] as ReadValue;
              return (
                <li key={nameOf(match)}>
                  <button
                    type="button"
                    aria-pressed={each.key === value.key && match.unit === unit}
                    onClick={() => onShow(each, match.unit)}
                  >
                    <code>{nameOf(match)}</code>
                    <span class="numbers">{correlation(match.first)}</span>
                    <span class="numbers">{correlation(match.second)}</span>
                  </button>
                </li>
              );
            })}
          </ol>
        </>
      )}
    </>
  );
}

const minus = (text: string): string => text.replace("-", "−");
const correlation = (r: number): string => minus(r.toFixed(3));
const shiftedWords = ({ usual, most }: Shifted): string =>
  fill(says.evidence.shifted, { usual: correlation(usual), most: correlation(most) });
const percent = (share: number): string => minus(`${(100 * share).toFixed(1)} %`);
const bits = (x: number): string => `${x < 0 ? "" : "+"}${minus(x.toFixed(4))}`;

/** Each number beside what chance gives. */
function Evidence({ finding, name }: { readonly finding: Finding; readonly name: string }) {
  const { following, probe, effects, ablated } = finding;
  const { best, first, second } = following;
  const [own, ...others] = effects ?? [];
  const on = others.map((effect) => effect.on).sort((a, b) => a - b);
  const off = others.map((effect) => effect.off).sort((a, b) => a - b);
  const { evidence } = says;
  const beside = (sorted: readonly number[]): string =>
    fill(evidence.others, {
      half: bits(sorted[Math.floor(sorted.length / 2)] ?? 0),
      most: bits(sorted.at(-1) ?? 0),
    });
  const rows: (readonly [what: string, here: string, chance: string])[] = [
    [fill(evidence.first, { name }), correlation(best[0]?.first ?? 0), shiftedWords(first)],
    [evidence.second, correlation(best[0]?.second ?? 0), shiftedWords(second)],
  ];
  if (probe?.kind === "classes") {
    rows.push([
      fill(evidence.correct, { units: probe.units }),
      percent(probe.accuracy),
      fill(evidence.majority, { share: percent(probe.majority) }),
    ]);
    rows.push([evidence.balanced, percent(probe.balanced), fill(evidence.guessed, { share: percent(probe.shifted) })]);
  } else if (probe?.kind === "numbers") {
    rows.push([
      fill(evidence.explained, { units: probe.units }),
      percent(probe.explained),
      fill(evidence.mean, { mean: percent(probe.baseline), share: percent(probe.shifted) }),
    ]);
  }
  if (own !== undefined) {
    rows.push([
      ablated === undefined ? fill(evidence.lost, { name }) : fill(evidence.lostInPart, { name, read: ablated }),
      bits(own.on),
      beside(on),
    ]);
    rows.push([evidence.elsewhere, bits(own.off), beside(off)]);
  }
  return (
    <table class="evidence small">
      <thead>
        <tr>
          <th scope="col">{evidence.measured}</th>
          <th scope="col">{evidence.here}</th>
          <th scope="col">{evidence.byChance}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([what, here, chance]) => (
          <tr key={what}>
            <th scope="row">{what}</th>
            <td class="numbers">{here}</td>
            <td class="numbers">{chance}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
