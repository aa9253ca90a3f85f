/** 1 2 3 4 5, answered by 2 3 4 5 6: the smallest sequence to sequence, trained while one looks. */
import { useCallback } from "preact/hooks";
import { Choice } from "../../components/choice.tsx";
import { Curves } from "../../components/curves.tsx";
import { scientific, written } from "../../components/numbers.ts";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import type { CountingEnd, CountingReport, CountingSettings } from "../../engine/experiments.ts";
import { fill, texts } from "../../texts/texts.ts";
import { useExperiment } from "./experiment.ts";
import { aName, aNumber, useShared } from "./shared-values.ts";

const own = texts.learn.counting;

export const epochs = 300;
const cells = { lstm: own.cells.lstm, "simple-rnn": own.cells.simple } as const;
const rows = { one: own.rows.one, ten: own.rows.ten } as const;
export const firsts: Readonly<Record<keyof typeof rows, readonly number[]>> = {
  one: [1],
  ten: [1, 2, 3, 5, 6, 7, 9, 10, 11, 13],
};

const kinds = {
  cell: aName<CountingSettings["cell"]>("lstm", cells),
  rows: aName<keyof typeof rows>("one", rows),
  units: aNumber(8, { min: 1, max: 16, step: 1 }),
  seed: aNumber(1, { min: 1, max: 20, step: 1 }),
};

export function Counting() {
  const [{ cell, rows: rowsRead, units, seed }, set] = useShared(kinds);
  const { reports, result, error, running, start, stop, reset } = useExperiment<CountingReport, CountingEnd>(16);
  const last = reports.at(-1);
  const changed = (name: keyof typeof kinds) => {
    return (value: string | number): void => {
      reset();
      set({ [name]: value });
    };
  };
  const train = (): void =>
    start((engine) => engine.run("counting", { cell, units, firsts: firsts[rowsRead], epochs, seed }));
  return (
    <section class="card" aria-label={own.title}>
      <div class="figure">
        <div class="controls">
          <Choice label={own.cell} value={cell} options={cells} onChoose={changed("cell")} />
          <Choice label={own.rowsRead} value={rowsRead} options={rows} onChoose={changed("rows")} />
          <Slider label={own.units} value={units} min={1} max={16} step={1} onInput={changed("units")} />
          <Slider label={own.seed} value={seed} min={1} max={20} step={1} onInput={changed("seed")} />
          <div class="row">
            <button type="button" class="main" onClick={running ? stop : train}>
              {running ? own.stop : own.train}
            </button>
            <button type="button" disabled={reports.length === 0} onClick={reset}>
              {own.startAgain}
            </button>
          </div>
          <p class="said numbers">
            {last === undefined
              ? own.untrained
              : fill(own.epoch, { n: last.epoch, all: epochs, loss: scientific(last.loss) })}
          </p>
          {error !== undefined && <p class="error">{error}</p>}
        </div>
        <Curves
          label={own.curve.label}
          curves={[
            {
              name: own.curve.loss,
              colour: "--c1",
              points: reports.map(({ epoch, loss }) => ({ at: epoch, value: loss })),
            },
          ]}
          x={{ label: own.curve.epoch, domain: [0, epochs] }}
          y={{ label: own.curve.error, domain: [1e-7, 1], log: true }}
        />
      </div>
      <Answers says={last?.says} goesOn={result?.goesOn} />
      <p class="said" role="status">
        {result !== undefined && fill(own.trained, { numbers: result.goesOn.map((n) => written(n)).join(", ") })}
      </p>
    </section>
  );
}

/** What it says after each number; then, from 6 on, what it says to its own answers. */
function Answers({
  says,
  goesOn,
}: {
  readonly says: readonly number[] | undefined;
  readonly goesOn: readonly number[] | undefined;
}) {
  const key = JSON.stringify([says, goesOn]);
  const options = useCallback(
    ({ dot, ruleX, text }: typeof PlotModule): PlotModule.PlotOptions => {
      const targets = Array.from({ length: 11 }, (_, k) => ({ read: k + 1, next: k + 2 }));
      const answer = (numbers: readonly number[], from: number) =>
        numbers.map((next, k) => ({ read: from + k, next: Math.min(13, Math.max(-1, next)) }));
      return {
        x: { label: own.answers.read, domain: [0.5, 11.5], ticks: targets.map(({ read }) => read), tickFormat: "d" },
        y: { label: own.answers.says, domain: [-1, 13], grid: true, ticks: 7 },
        marks: [
          ruleX([5.5], { stroke: "var(--soft)", strokeDasharray: "4 4" }),
          text([{ x: 5.5 }], {
            x: "x",
            y: 13,
            text: () => own.answers.sixth,
            dx: 6,
            textAnchor: "start",
            lineAnchor: "top",
            lineWidth: 10,
            fill: "var(--soft)",
          }),
          dot(targets, { x: "read", y: "next", r: 9, stroke: "var(--soft)", strokeWidth: 1.5 }),
          dot(answer(says ?? [], 1), { x: "read", y: "next", r: 5, fill: "var(--c1)" }),
          dot(answer(goesOn ?? [], 6), { x: "read", y: "next", r: 5, fill: "var(--c2)", symbol: "square" }),
        ],
      };
    },
    [key],
  );
  return (
    <>
      <Plot
        label={
          says === undefined
            ? own.answers.none
            : fill(own.answers.label, { numbers: says.map((n) => written(n)).join(", ") })
        }
        height={280}
        options={options}
      />
      <ul class="legend">
        <li>
          <i class="ring" />
          {own.legend.ring}
        </li>
        <li>
          <i class="one" />
          {own.legend.one}
        </li>
        <li>
          <i class="own" />
          {own.legend.own}
        </li>
      </ul>
    </>
  );
}
