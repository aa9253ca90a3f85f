/** Chapter 7: the LSTM's relatives side by side: equations, costs, and what each does with the same input. */
import { useCallback } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice } from "../../components/choice.tsx";
import { Formula } from "../../components/formula.tsx";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { GruWalk } from "./gru-walk.tsx";
import { Questions } from "./questions.tsx";
import { aName, aNumber, type Kind, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import "./variants.css";

/** The cells that can be chosen, by the names of their files. `output`: the value that goes out. */
export const offered: Readonly<Record<string, { readonly title: string; readonly output: string }>> = {
  "simple-rnn": { title: "Simple RNN", output: "h" },
  ugrnn: { title: "UGRNN", output: "h" },
  lstm: { title: "LSTM", output: "h" },
  "peephole-lstm": { title: "Peephole LSTM", output: "y" },
  "lstm-cifg": { title: "CIFG", output: "y" },
  "lstm-nfg": { title: "No forget gate", output: "y" },
  "lstm-noaf": { title: "No output tanh", output: "y" },
  gru: { title: "GRU", output: "h" },
  "gru-reset-after": { title: "GRU, reset after", output: "h" },
  mgu: { title: "MGU", output: "h" },
  "min-gru": { title: "minGRU", output: "h" },
};
const most = 3;
const sizes = [16, 32, 64, 128, 256, 512, 1024];

export const steps = 40;
const inputs = { impulse: "Impulse", step: "Step" } as const;
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
      <p>
        An LSTM is six lines, and each of them can be doubted. K. Cho and others (2014) kept two gates and one state and
        had the GRU, the gated recurrent unit. Others gave the gates a look at the cell state (peepholes), tied the
        input gate to the forget gate (CIFG), or took away all that looked spare.
      </p>
      <h2>The GRU, in its steps</h2>
      <p>It has no cell state beside its output: what it remembers is what it says. Two gates are left.</p>
      <Symbols
        of={[
          ["z", "The update gate: how much of the old state stays."],
          ["r", "The reset gate: how much of the old state the candidate sees."],
          ["1 - z", "What is missing to 1. Where z is 0.9, this is 0.1."],
        ]}
      />
      <GruWalk />
      <h2>Side by side</h2>
      <p>
        Put two or three side by side. What is lit are products that need no step before: they leave the loop over time,
        and run for a whole sequence at once. Parameters are the numbers that are learned; a multiply-add is one
        multiplication with its addition, by which work is counted.
      </p>
      <fieldset class="row variants-cells">
        <legend class="soft small">Cells, at most three</legend>
        {Object.entries(offered).map(([name, { title }]) => (
          <button key={name} type="button" aria-pressed={chosen.includes(name)} onClick={() => choose(name)}>
            {title}
          </button>
        ))}
      </fieldset>
      <div class="variants-controls card">
        <div class="row">
          <SizeField label="units" value={size.units} onChange={(units) => set({ units })} />
          <SizeField label="input" value={size.input} onChange={(input) => set({ input })} />
        </div>
        <div>
          <Choice
            label="Input of the pictures"
            value={input}
            options={inputs}
            onChoose={(picture) => set({ picture })}
          />
          <Slider label="seed of the weights" value={seed} {...seeds} onInput={(seed) => set({ seed })} />
        </div>
      </div>
      <div class="variants-cards">
        {chosen.map((name) => (
          <Variant key={name} {...{ name, size, input, seed }} all={reference?.parameters} />
        ))}
      </div>
      <h2>What to look for</h2>
      <ul class="variants-try">
        <li>
          <b>LSTM and GRU.</b> Three quarters of the parameters, one state less. In its last line the GRU's update gate
          forgets and stores with one number: z of the old, 1 − z of the new. J. Chung and others (2014) set both
          against the simple RNN on music and speech. Gates won; which of the two was a matter of the data.
        </li>
        <li>
          <b>GRU, reset before or after.</b> In the GRU of 2014 the third product waits for the reset gate. Where the
          gate acts after the product, as in cuDNN and Keras, the three products with h can be one. That is why there
          are two GRUs, and why the weights of one do not fit the other.
        </li>
        <li>
          <b>minGRU.</b> Everything is lit: gate and candidate read the input alone, so nothing but a weighted mean is
          left in the loop (L. Feng and others, 2024).
        </li>
        <li>
          <b>The impulse.</b> One number comes in at step 3. Before any training, a GRU forgets it within a few steps,
          for its gate starts half open; the LSTM, whose forget gate starts at bias 1, holds it for longer; the simple
          RNN rings, for its orthogonal matrix turns the state without shrinking it. Move the seed: this is so for most
          weights, not by luck.
        </li>
      </ul>
      <h2>Which is best?</h2>
      <p>
        K. Greff and others (2015, <i>LSTM: a search space odyssey</i>) compared eight variants of the LSTM, each with
        one thing changed, in 5,400 runs. None was significantly better. Coupled gates and missing peepholes did no
        harm; the forget gate and the output's tanh were what it could spare least. R. Jozefowicz and others (2015)
        searched ten thousand cells by machine: the best one beat LSTM and GRU on some tasks, and not on others.
      </p>
      <p>
        Repeated in small with this engine, on Bach's chorales: without a forget gate the LSTM is clearly worse, coupled
        gates and missing peepholes cost nothing, and the output's tanh could be left out there. So begin with an LSTM
        or a GRU, and change the cell last.
      </p>
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
      <p class="variants-differs">{facts?.differs}</p>
      {equations !== undefined && (
        <Formula
          display
          tex={equations.tex}
          lit={facts?.hoisted.filter((matrix) => !facts.looped.includes(matrix)) ?? []}
        />
      )}
      {facts !== undefined && (
        <dl class="variants-facts">
          <dt>states</dt>
          <dd>{facts.states.join(", ")}</dd>
          <dt>parameters</dt>
          <dd>
            {count(facts.parameters)}
            {all !== undefined && name !== "lstm" && (
              <span class="soft"> {Math.round((100 * facts.parameters) / all)}&nbsp;% of the LSTM</span>
            )}
          </dd>
          <dt>multiply-adds a step</dt>
          <dd>{count(facts.multiplyAdds)}</dd>
          <dt>products in the loop</dt>
          <dd>{facts.looped.length === 0 ? "none" : `${facts.looped.length}: ${facts.looped.join(", ")}`}</dd>
          <dt>hoisted</dt>
          <dd>{facts.hoisted.length === 0 ? "none" : `${facts.hoisted.length}: ${facts.hoisted.join(", ")}`}</dd>
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
      x: { label: "time step", domain: [1, steps], ticks: 5 },
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
  const said =
    kept >= steps - to ? "is above a tenth still at the end" : `is below a tenth ${kept + 1} steps after the input`;
  return (
    <>
      <Plot
        label={`Outputs of 8 untrained units: what the input left in them ${said}`}
        height={170}
        options={options}
      />
      <p class="small soft">8 untrained units; shaded: the input is 2. What it left in their output {said}.</p>
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
