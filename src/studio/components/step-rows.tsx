/** Rows over time steps, with one column for each step: numbers to drag, switches, and values as bars. */
import type { ComponentChildren } from "preact";
import { fill, texts } from "../texts/texts.ts";
import { written } from "./numbers.ts";
import "./step-rows.css";

const own = texts.components.stepRows;

/** `at` is the selected step, counted from 0. */
type RowProps = { readonly label: ComponentChildren; readonly at: number };

/** The container of the rows. */
export function StepRows({ steps, children }: { readonly steps: number; readonly children: ComponentChildren }) {
  return (
    <div data-figure={texts.pictures.names.steps} class="step-rows" style={{ "--steps": steps }}>
      {children}
    </div>
  );
}

export type StepSlidersProps = RowProps & {
  /** The name of one number; its step is added. */
  readonly name: string;
  readonly values: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onInput: (at: number, value: number) => void;
};

/** Bars that can be dragged up and down: vertical sliders below the bars that show them. */
export function StepSliders({ label, at, name, values, min, max, step, onInput }: StepSlidersProps) {
  return (
    <>
      <span class="step-label">{label}</span>
      {values.map((value, t) => (
        <span key={t} class={t === at ? "step-cell now" : "step-cell"}>
          <span class="step-bar">
            <Bar value={value} min={min} max={max} />
            <input
              type="range"
              {...{ min, max, step, value }}
              aria-label={fill(own.step, { name, step: t + 1 })}
              onInput={(event) => onInput(t, Number(event.currentTarget.value))}
            />
          </span>
          <span class="step-number">{written(value)}</span>
        </span>
      ))}
    </>
  );
}

export type StepSwitchesProps = RowProps & {
  readonly name: string;
  readonly values: readonly boolean[];
  readonly onToggle: (at: number) => void;
};

export function StepSwitches({ label, at, name, values, onToggle }: StepSwitchesProps) {
  return (
    <>
      <span class="step-label">{label}</span>
      {values.map((on, t) => (
        <span key={t} class={t === at ? "step-cell now" : "step-cell"}>
          <button
            type="button"
            class="step-switch"
            aria-pressed={on}
            aria-label={fill(own.step, { name, step: t + 1 })}
            onClick={() => onToggle(t)}
          >
            {on ? "●" : "·"}
          </button>
        </span>
      ))}
    </>
  );
}

export type StepBarsProps = RowProps & {
  readonly name: string;
  readonly values: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly colour: string;
};

/** One value of each step. */
export function StepBars({ label, at, name, values, min, max, colour }: StepBarsProps) {
  return (
    <>
      <span class="step-label">{label}</span>
      <span
        class="step-values"
        role="img"
        aria-label={fill(own.values, { name, values: values.map((value) => written(value)).join(", ") })}
      >
        {values.map((value, t) => (
          <span key={t} class={t === at ? "step-cell now" : "step-cell"}>
            <span class="step-bar">
              <Bar value={value} min={min} max={max} colour={colour} />
            </span>
            <span class="step-number">{written(value)}</span>
          </span>
        ))}
      </span>
    </>
  );
}

type BarProps = { readonly value: number; readonly min: number; readonly max: number; readonly colour?: string };

/** The bar goes from zero up or down to the value. */
function Bar({ value, min, max, colour = "var(--soft)" }: BarProps) {
  const share = (of: number): number => (100 * (max - of)) / (max - min);
  const [top, bottom] = [share(Math.max(value, 0)), share(Math.min(value, 0))];
  return (
    <>
      <span class="step-zero" style={{ top: `${share(0)}%` }} />
      <span class="step-fill" style={{ top: `${top}%`, height: `${bottom - top}%`, background: colour }} />
    </>
  );
}
