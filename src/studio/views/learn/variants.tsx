/** Chapter 7: the LSTM's relatives side by side: equations, costs, and what each does with the same input. */
import { useCallback } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { differsOf } from "../../components/cells-in-words.ts";
import { Choice } from "../../components/choice.tsx";
import { Formula } from "../../components/formula.tsx";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { GruWalk } from "./gru-walk.tsx";
import { Questions } from "./questions.tsx";
import { aName, aNumber, type Kind, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import "./variants.css";

const own = texts.learn.variants;

/** The cells that can be chosen, by the names of their files. `output`: the value that goes out. */
export const offered: Readonly<Record<string, { readonly title: string; readonly output: string }>> = {
  "simple-rnn": { title: own.cells.simpleRnn, output: "h" },
  ugrnn: { title: own.cells.ugrnn, output: "h" },
  lstm: { title: own.cells.lstm, output: "h" },
  "peephole-lstm": { title: own.cells.peephole, output: "y" },
  "lstm-cifg": { title: own.cells.cifg, output: "y" },
  "lstm-nfg": { title: own.cells.noForgetGate, output: "y" },
  "lstm-noaf": { title: own.cells.noOutputTanh, output: "y" },
  gru: { title: own.cells.gru, output: "h" },
  "gru-reset-after": { title: own.cells.gruResetAfter, output: "h" },
  mgu: { title: own.cells.mgu, output: "h" },
  "min-gru": { title: own.cells.minGru, output: "h" },
};
const most = 3;
const sizes = [16, 32, 64, 128, 256, 512, 1024];

export const steps = 40;
const inputs = own.inputs;
type Input = keyof typeof inputs;
/** When the input is 2; it is 0 before and after. */
export const lasts: Readonly<Record<Input, readonly [from: number, to: number]>> = { impulse: [3, 3], step: [3, 20] };
export const sequences: Readonly<Record<Input, readonly (readonly number[])[]>> = {
  impulse: sequenceOf("impulse"),
  step: sequenceOf("step"),
};
export const nothing: readonly (readonly number[])[] = Array.from({ length: steps }, () => [0]);
function sequenceOf(input: Input): number[][] {
  const [from, to] = lasts[input];
  return Array.from({ length: steps }, (_, t) => [from <= t + 1 && t + 1 <= to ? 2 : 0]);
}

const sizeTable = Object.fromEntries(sizes.map((size) => [`${size}`, size]));
const aSize = (standard: number): Kind<number> => ({ standard, read: (text) => sizeTable[text], write: String });
const seeds = { min: 0, max: 20, step: 1 };
const kinds = {
  units: aSize(128),
  input: aSize(64),
  picture: aName<Input>("impulse", inputs),
  seed: aNumber(0, seeds),
};

type Sizes = { readonly units: number; readonly input: number };

export default function Variants() {
  const [chosen, choose] = useChosen();
  const [{ units, input: features, picture: input, seed }, set] = useShared(kinds);
  const size: Sizes = { units, input: features };
  const { value: reference } = useAnswer("cellFacts", "lstm", size);
  return (
    <>
      <p>{own.lead}</p>
      <h2>{own.gru.title}</h2>
      <p>{own.gru.lead}</p>
      <Symbols
        of={[
          ["z", own.gru.symbols.z],
          ["r", own.gru.symbols.r],
          ["1 - z", own.gru.symbols.rest],
        ]}
      />
      <GruWalk />
      <h2>{own.side.title}</h2>
      <p>{own.side.lead}</p>
      <fieldset class="row variants-cells">
        <legend class="soft small">{own.side.cells}</legend>
        {Object.entries(offered).map(([name, { title }]) => (
          <button key={name} type="button" aria-pressed={chosen.includes(name)} onClick={() => choose(name)}>
            {title}
          </button>
        ))}
      </fieldset>
      <div class="variants-controls card">
        <div class="row">
          <SizeField label={own.side.units} value={size.units} onChange={(units) => set({ units })} />
          <SizeField label={own.side.input} value={size.input} onChange={(input) => set({ input })} />
        </div>
        <div>
          <Choice label={own.side.pictures} value={input} options={inputs} onChoose={(picture) => set({ picture })} />
          <Slider label={own.side.seed} value={seed} {...seeds} onInput={(seed) => set({ seed })} />
        </div>
      </div>
      <div class="variants-cards">
        {chosen.map((name) => (
          <Variant key={name} {...{ name, size, input, seed }} all={reference?.parameters} />
        ))}
      </div>
      <h2>{own.look.title}</h2>
      <ul class="variants-try">
        {own.look.list.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>
      <h2>{own.best.title}</h2>
      <p>{rich(own.best.greff)}</p>
      <p>{own.best.here}</p>
      <Questions chapter="variants" />
    </>
  );
}

/** The cells of the address; choosing one more than fit lets the one go that was chosen first. */
function useChosen(): readonly [readonly string[], (name: string) => void] {
  const { path, query } = useAddress();
  const named = (query["cells"] ?? "").split(",").filter((name) => Object.hasOwn(offered, name));
  const chosen = named.length === 0 ? ["lstm", "gru"] : named.slice(0, most);
  const choose = (name: string): void => {
    const others = chosen.filter((each) => each !== name);
    const next = others.length < chosen.length ? others : [...others, name].slice(-most);
    if (next.length > 0) go(linkTo("learn", path, { ...query, cells: next.join(",") }), { replace: true });
  };
  return [chosen, choose];
}

type SizeFieldProps = {
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
};

function SizeField({ label, value, onChange }: SizeFieldProps) {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {sizes.map((size) => (
          <option key={size}>{size}</option>
        ))}
      </select>
    </label>
  );
}

type VariantProps = {
  readonly name: string;
  readonly size: Sizes;
  readonly input: Input;
  readonly seed: number;
  /** Parameters of an LSTM of that size. */
  readonly all: number | undefined;
};

function Variant({ name, size, input, seed, all }: VariantProps) {
  const { title, output } = offered[name] as (typeof offered)[string];
  const { value: equations } = useAnswer("equations", name);
  const { value: facts } = useAnswer("cellFacts", name, size);
  const { value: traced } = useAnswer("trace", name, sequences[input], { units: 8, seed });
  const { value: quiet } = useAnswer("trace", name, nothing, { units: 8, seed });
  return (
    <section class="card" aria-label={title}>
      <h2>
        {title} <span class="soft small">{facts?.year}</span>
      </h2>
      <p class="variants-differs">{differsOf(name)}</p>
      {equations !== undefined && (
        <Formula
          display
          tex={equations.tex}
          lit={facts?.hoisted.filter((matrix) => !facts.looped.includes(matrix)) ?? []}
        />
      )}
      {facts !== undefined && (
        <dl class="variants-facts">
          <dt>{own.facts.states}</dt>
          <dd>{facts.states.join(", ")}</dd>
          <dt>{own.facts.parameters}</dt>
          <dd>
            {count(facts.parameters)}
            {all !== undefined && name !== "lstm" && (
              <>
                {" "}
                <span class="soft">{fill(own.facts.ofLstm, { n: Math.round((100 * facts.parameters) / all) })}</span>
              </>
            )}
          </dd>
          <dt>{own.facts.multiplyAdds}</dt>
          <dd>{count(facts.multiplyAdds)}</dd>
          <dt>{own.facts.looped}</dt>
          <dd>{counted(facts.looped)}</dd>
          <dt>{own.facts.hoisted}</dt>
          <dd>{counted(facts.hoisted)}</dd>
        </dl>
      )}
      {traced !== undefined && quiet !== undefined && (
        <Response
          outputs={traced[output] as readonly Float32Array[]}
          quiet={quiet[output] as readonly Float32Array[]}
          input={input}
        />
      )}
    </section>
  );
}

/** How many there are, and which. */
const counted = (names: readonly string[]): string =>
  names.length === 0 ? own.facts.none : fill(own.facts.names, { n: names.length, names: names.join(", ") });

const count = (n: number): string => Math.round(n).toLocaleString("en-US");

type ResponseProps = {
  readonly outputs: readonly Float32Array[];
  /** Where the input is 0 throughout: a cell may say something of itself. */
  readonly quiet: readonly Float32Array[];
  readonly input: Input;
};

/** Each unit's output over time, and for how long something of the input is left in it once that has ended. */
function Response({ outputs, quiet, input }: ResponseProps) {
  const [from, to] = lasts[input];
  const reach = Math.max(0.1, ...outputs.flatMap((values) => [...values].map(Math.abs)));
  const options = useCallback<PlotProps["options"]>(
    (plot) => ({
      ...{ marginLeft: 36, marginTop: 12, style: { fontSize: "12px" } },
      x: { label: own.response.step, domain: [1, steps], ticks: 5 },
      y: { label: null, domain: [-reach, reach], ticks: 4, grid: true },
      marks: [
        plot.rect([0], {
          x1: from - 0.5,
          x2: to + 0.5,
          y1: -reach,
          y2: reach,
          fill: "var(--accent)",
          fillOpacity: 0.15,
        }),
        plot.line(
          outputs.flatMap((values, t) => [...values].map((value, unit) => ({ step: t + 1, value, unit }))),
          { x: "step", y: "value", z: "unit", stroke: "var(--c1)", strokeWidth: 1.3 },
        ),
      ],
    }),
    [outputs, from, to, reach],
  );
  const kept = stepsKept(outputs, quiet, to);
  const isLasting = kept >= steps - to;
  return (
    <>
      <Plot
        label={isLasting ? own.response.labelLasting : fill(own.response.label, { n: kept + 1 })}
        height={170}
        options={options}
      />
      <p class="small soft">{isLasting ? own.response.lasting : fill(own.response.below, { n: kept + 1 })}</p>
    </>
  );
}

/** For how many steps after `to`, the last with an input, what that left is at least a tenth of the most that it made. */
export function stepsKept(outputs: readonly Float32Array[], quiet: readonly Float32Array[], to: number): number {
  const lengths = outputs.map((values, t) =>
    Math.hypot(...values.map((value, k) => value - (quiet[t]?.[k] as number))),
  );
  const tenth = Math.max(...lengths) / 10;
  return lengths.findLastIndex((length) => length >= tenth) + 1 - to;
}
