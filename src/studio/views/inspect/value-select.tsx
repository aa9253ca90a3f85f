/** The choice of one of a reading's values, by the layers that they are of, and the legend of its colours. */
import { RampLegend } from "../../components/ramp-legend.tsx";
import { texts } from "../../texts/texts.ts";
import type { ReadValue } from "./reading.ts";

export type ValueSelectProps = {
  readonly label?: string;
  readonly values: readonly ReadValue[];
  readonly value: ReadValue;
  readonly onChoose: (value: ReadValue) => void;
};

export const ValueSelect = ({ label = texts.inspect.values.value, values, value, onChoose }: ValueSelectProps) => (
  <label class="field">
    {label}
    <select
      value={value.key}
      onChange={(event) => {
        const next = values.find((other) => other.key === event.currentTarget.value);
        if (next !== undefined) onChoose(next);
      }}
    >
      {[...new Set(values.map(({ layer }) => layer))].map((layer) => (
        <optgroup key={layer} label={layer}>
          {values
            .filter((other) => other.layer === layer)
            .map((other) => (
              <option key={other.key} value={other.key}>
                {other.label}
              </option>
            ))}
        </optgroup>
      ))}
    </select>
  </label>
);

/** The legend of the colours. */
export function ValueLegend({ value, extent }: { readonly value: ReadValue; readonly extent: number }) {
  const largest = Number(extent.toPrecision(2));
  return <RampLegend low={value.gate ? "0" : `−${largest}`} high={largest} gate={value.gate} />;
}
