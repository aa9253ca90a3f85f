/** A number field for one of a layer's units. */
import { texts } from "../texts/texts.ts";

export type UnitFieldProps = {
  readonly count: number;
  readonly unit: number;
  readonly onChoose: (unit: number) => void;
};

export const UnitField = ({ count, unit, onChoose }: UnitFieldProps) => (
  <label class="field">
    {texts.components.unitField.unit}
    <input
      type="number"
      min={0}
      max={count - 1}
      inputMode="numeric"
      value={unit}
      onChange={({ currentTarget: { value } }) =>
        onChoose(Math.max(0, Math.min(count - 1, Math.round(Number(value)) || 0)))
      }
    />
  </label>
);
