/** A slider with its name and its current value. */
import { useId } from "preact/hooks";

export type SliderProps = {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onInput: (value: number) => void;
  /** The format of the value; two decimals if steps are smaller than one. */
  readonly format?: (value: number) => string;
  readonly disabled?: boolean;
};

export function Slider({ label, value, min, max, step, onInput, format, disabled }: SliderProps) {
  const id = useId();
  const text = format?.(value) ?? (Number.isInteger(step) ? String(value) : value.toFixed(2));
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        {...{ min, max, step, value, disabled }}
        aria-valuetext={text}
        onInput={(event) => onInput(Number(event.currentTarget.value))}
      />
      <output for={id}>{text}</output>
    </div>
  );
}
