/** A gated cell of one unit, its gates in the reader's hands, walked through line by line with the engine's numbers. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Formula } from "../../components/formula.tsx";
import { texNumber, written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { StepBars, StepRows, StepSliders, StepSwitches } from "../../components/step-rows.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { fill, texts } from "../../texts/texts.ts";
import {
  aNumber,
  type Kinds,
  numbers as numbersOf,
  readValues,
  switches,
  useShared,
  withoutValues,
} from "./shared-values.ts";
import "./cell-walk.css";

const own = texts.learn.cellWalk;

/** What the cell reads at each step, a number and marks; and the biases of its gates. */
export type WalkSetting<Mark extends string, Gate extends string> = {
  readonly numbers: readonly number[];
  readonly marks: Readonly<Record<Mark, readonly boolean[]>>;
  readonly biases: Readonly<Record<Gate, number>>;
};

/** A setting that shows something, in words. */
export type WalkPreset<Mark extends string, Gate extends string> = {
  /** As it stands in the address. */
  readonly name: string;
  readonly title: string;
  readonly see: string;
  /** The step, from 1, at which the walk begins: one where something is in memory. */
  readonly begin: number;
  readonly setting: WalkSetting<Mark, Gate>;
};

/** The numbers of a step, by the names of lines: after it, and of states before it. */
export type AtStep = {
  readonly x: number;
  readonly now: (name: string) => number;
  readonly before: (name: string) => number;
};

export type WalkStage = {
  readonly title: string;
  /** The title with the step, `{n}`. */
  readonly heading: string;
  /** The lines of the equations that it computes. */
  readonly lines: readonly string[];
  readonly says: string;
  /** The lines with their numbers, at the step t (from 1). */
  readonly filled: (at: AtStep, t: number) => readonly string[];
};

export type CellWalkSpec<Mark extends string, Gate extends string> = {
  readonly label: string;
  /** The labels of the marks, in the order in which the cell reads them, after the number. */
  readonly marks: Readonly<Record<Mark, string>>;
  /** The gates whose biases are set: what each is called, beside its bias and its row, and its colour. */
  readonly gates: Readonly<Record<Gate, { readonly title: string; readonly row: string; readonly colour: string }>>;
  readonly presets: readonly WalkPreset<Mark, Gate>[];
  readonly stages: readonly WalkStage[];
  /** Values over the steps below those of the gates: their names, labels, and whether they stay between -1 and 1. */
  readonly rows: readonly { readonly name: string; readonly label: string; readonly bounded: boolean }[];
  /** The equations with what stands between their lines named, and all of it the output, so that the engine tells it too. */
  readonly named: (source: string) => string;
  /** Weights, all but the biases that are set. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly Diagram: ComponentType<{ readonly stage: number; readonly at: AtStep }>;
  /** What the marks do, and what is there at the end. */
  readonly note: (end: AtStep) => string;
};

export const walkSteps = 8;
export const biasRange = { min: -8, max: 8, step: 0.5 };
const numberRange = { min: -1, max: 1, step: 0.1 };

/** The steps, from 1, that have a mark. */
export const marked = (...places: readonly number[]): boolean[] =>
  Array.from({ length: walkSteps }, (_, t) => places.includes(t + 1));

/** One step's vector: the number and the marks. */
export const walkSequence = <Mark extends string, Gate extends string>(
  marks: Readonly<Record<Mark, string>>,
  setting: WalkSetting<Mark, Gate>,
): number[][] =>
  setting.numbers.map((x, t) => [x, ...(Object.keys(marks) as Mark[]).map((mark) => Number(setting.marks[mark][t]))]);

/** A number in a formula, alone and as a factor. */
export const tex = (value: number): string => written(value, 3).replace("−", "-");
export const factor = (value: number): string => texNumber(value, 3);

type CellWalkProps<Mark extends string, Gate extends string> = {
  readonly spec: CellWalkSpec<Mark, Gate>;
  readonly equations: { readonly source: string; readonly tex: string };
};

export function CellWalk<Mark extends string, Gate extends string>({ spec, equations }: CellWalkProps<Mark, Gate>) {
  const { presets, stages, marks, gates, rows, Diagram } = spec;
  const [markNames, gateNames] = [Object.keys(marks) as Mark[], Object.keys(gates) as Gate[]];
  const { path, query } = useAddress();
  const example = presets.find(({ name }) => name === query["example"]) ?? (presets[0] as (typeof presets)[number]);
  const settingKinds: Kinds = {
    x: numbersOf(example.setting.numbers, numberRange),
    ...Object.fromEntries(markNames.map((mark) => [mark, switches(example.setting.marks[mark])])),
    ...Object.fromEntries(gateNames.map((gate) => [gate, aNumber(example.setting.biases[gate], biasRange)])),
  };
  const last = walkSteps * stages.length - 1;
  const begin = (example.begin - 1) * stages.length;
  const kinds: Kinds = { ...settingKinds, place: aNumber(begin, { min: 0, max: last, step: 1 }) };
  const [values, change] = useShared(kinds);
  const place = values.place as number;
  const only = <Name extends string, Value>(names: readonly Name[]): Readonly<Record<Name, Value>> =>
    Object.fromEntries(names.map((name) => [name, values[name]])) as never;
  const setting: WalkSetting<Mark, Gate> = { numbers: values.x, marks: only(markNames), biases: only(gateNames) };
  const isExample = JSON.stringify(setting) === JSON.stringify(example.setting);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (place === last) return setPlaying(false);
    const timer = setTimeout(() => change({ place: place + 1 }), 600);
    return () => clearTimeout(timer);
  }, [playing, place, last]);
  const step = (next: number): void => {
    setPlaying(false);
    change({ place: Math.max(0, Math.min(last, next)) });
  };
  const [t, stage] = [Math.floor(place / stages.length), place % stages.length];
  const { heading, lines, says, filled } = stages[stage] as WalkStage;

  const biases = Object.fromEntries(gateNames.map((gate) => [`b_${gate}`, [setting.biases[gate]]]));
  const { value: traced } = useAnswer(
    "trace",
    { equations: spec.named(equations.source) },
    walkSequence(marks, setting),
    { units: 1, parameters: { ...spec.parameters, ...biases } },
  );
  const of = (key: string, step: number): number => traced?.[key]?.[step]?.[0] ?? 0;
  const row = (key: string): number[] => setting.numbers.map((_, k) => of(key, k));
  const atStep = (k: number): AtStep => ({
    x: setting.numbers[k] as number,
    now: (key) => of(key, k),
    before: (key) => of(key, k - 1),
  });
  const at = atStep(t);
  return (
    <section class="cell-walk" aria-label={spec.label}>
      <div class="row">
        {presets.map((preset) => (
          <button
            key={preset.name}
            type="button"
            aria-pressed={isExample && preset === example}
            onClick={() => {
              change(readValues(kinds, {}));
              const others = withoutValues(kinds, query);
              go(linkTo("learn", path, { ...others, example: preset.name }), { replace: true });
            }}
          >
            {preset.title}
          </button>
        ))}
      </div>
      <p role="status">{example.see}</p>
      <div class="figure walk-figure">
        <div class="card">
          <div class="walk-seen">
            <div>
              <Diagram stage={stage} at={at} />
              <div class="row walk-stages">
                {stages.map((each, k) => (
                  <button
                    key={each.title}
                    type="button"
                    aria-pressed={k === stage}
                    onClick={() => step(t * stages.length + k)}
                  >
                    {k + 1} {each.title}
                  </button>
                ))}
              </div>
              <div class="row">
                <button type="button" class="main" onClick={() => (playing ? setPlaying(false) : play())}>
                  {playing ? own.pause : own.play}
                </button>
                <button type="button" aria-label={own.back} disabled={place === 0} onClick={() => step(place - 1)}>
                  ←
                </button>
                <button
                  type="button"
                  aria-label={own.forward}
                  disabled={place === last}
                  onClick={() => step(place + 1)}
                >
                  →
                </button>
              </div>
              <Slider
                label={own.place}
                value={place}
                min={0}
                max={last}
                step={1}
                onInput={step}
                format={(value) => fill(own.step, { n: Math.floor(value / stages.length) + 1 })}
              />
            </div>
            <div>
              <p class="walk-says">
                <b>{fill(heading, { n: t + 1 })}</b> {says}
              </p>
              <Formula display tex={equations.tex} lit={lines} />
              <Formula display tex={`\\begin{aligned} ${filled(at, t + 1).join(" \\\\ ")} \\end{aligned}`} />
            </div>
          </div>
        </div>
        <div class="card">
          <StepRows steps={walkSteps}>
            <StepSliders
              {...{ label: own.number, name: "number", at: t, values: setting.numbers, ...numberRange }}
              onInput={(step, value) => change({ x: setting.numbers.map((old, k) => (k === step ? value : old)) })}
            />
            {markNames.map((mark) => (
              <StepSwitches
                key={mark}
                {...{ label: marks[mark], name: mark, at: t, values: setting.marks[mark] }}
                onToggle={(step) => change({ [mark]: setting.marks[mark].map((on, k) => (k === step) !== on) })}
              />
            ))}
            {gateNames.map((gate) => (
              <StepBars
                key={gate}
                {...{ label: gates[gate].row, name: gate, min: 0, max: 1, at: t }}
                values={row(gate)}
                colour={`var(${gates[gate].colour})`}
              />
            ))}
            {rows.map(({ name, label, bounded }) => {
              const reach = bounded ? 1 : Math.max(1, ...row(name).map(Math.abs));
              return (
                <StepBars
                  key={name}
                  {...{ label, name, at: t, min: -reach, max: reach, colour: "var(--ink)", values: row(name) }}
                />
              );
            })}
          </StepRows>
          <h2>{own.biases}</h2>
          {gateNames.map((gate) => (
            <Slider
              key={gate}
              label={gates[gate].title}
              value={setting.biases[gate]}
              {...biasRange}
              onInput={(value) => change({ [gate]: value })}
              format={(value) => written(value, 1)}
            />
          ))}
          <p class="soft small">{spec.note(atStep(walkSteps - 1))}</p>
        </div>
      </div>
    </section>
  );

  function play(): void {
    if (place === last) change({ place: 0 });
    setPlaying(true);
  }
}
