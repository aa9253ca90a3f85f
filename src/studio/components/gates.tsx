/** Every gate, state and other value of a layer at each step: a heat map for each line of its equations, units by steps. */
import { useId, useMemo, useState } from "preact/hooks";
import type { LayerValue } from "../engine/reading.ts";
import { extentsOfValue, useRamp } from "./heat.ts";
import { HeatMap, type HeatMapProps } from "./heat-map.tsx";
import { written } from "./numbers.ts";
import { RampLegend } from "./ramp-legend.tsx";
import { UnitField } from "./unit-field.tsx";
import "./gates.css";

/** A value with its numbers (count,size). */
export type SteppedValue = LayerValue & { readonly data: Float32Array };

export type GatesProps = {
  readonly values: readonly SteppedValue[];
  /** How many steps there are. */
  readonly count: number;
  /** What a step is: "frame". */
  readonly step: string;
  /** The one that is looked at, and how it is called. */
  readonly column: number;
  readonly place: string;
  /** Whether more of it comes. */
  readonly live?: boolean;
  readonly onChoose: (column: number) => void;
  readonly onPoint: (column: number | undefined) => void;
};

export function Gates({ values, count, step, column, place, live = false, onChoose, onPoint }: GatesProps) {
  const ramp = useRamp();
  const readoutId = useId();
  const layers = [...new Set(values.map(({ layer }) => layer))];
  const [asked, setAsked] = useState(layers[0]);
  const layer = layers.find((one) => one === asked) ?? layers[0];
  const [chosenUnit, setChosenUnit] = useState(0);
  const [pointedUnit, setPointedUnit] = useState<number>();
  const shown = values.filter((value) => value.layer === layer);
  const units = Math.max(1, ...shown.map(({ size }) => size));
  /** A value that is one number has it for each unit. */
  const unitOf = (size: number, unit: number): number => Math.min(unit, size - 1);
  const unit = unitOf(units, pointedUnit ?? chosenUnit);
  const numberOf = ({ data, size }: SteppedValue): string => written(data[column * size + unitOf(size, unit)] ?? 0);
  return (
    <>
      <div class="row">
        {layers.length > 1 && (
          <label class="field">
            Layer
            <select value={layer} onChange={({ currentTarget: { value } }) => setAsked(value)}>
              {layers.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <UnitField count={units} unit={unitOf(units, chosenUnit)} onChoose={setChosenUnit} />
        <RampLegend low="0" high="1" gate />
        <RampLegend low="−" high="+" gate={false} />
      </div>
      <output
        id={readoutId}
        class="frames-readout small"
        aria-live={live || pointedUnit !== undefined ? "off" : "polite"}
      >
        Unit {unit} {place}: {shown.map((value) => `${value.name} ${numberOf(value)}`).join(", ")}
      </output>
      <div class="frames gates">
        {shown.map((value) => (
          <Gate
            key={value.key}
            {...{ value, count, step, ramp, readoutId, column }}
            unit={unitOf(value.size, unit)}
            number={numberOf(value)}
            onChoose={(column, unit) => {
              onChoose(column);
              setChosenUnit(unit);
            }}
            onPoint={(cell) => {
              onPoint(cell?.place);
              setPointedUnit(cell?.unit);
            }}
          />
        ))}
      </div>
      <p class="soft small">
        Each line of the equations of <code>{layer}</code>: rows are units, columns are {step}s. Point, tap or use the
        arrow keys.
      </p>
    </>
  );
}

const none: readonly never[] = [];

type GateProps = Pick<HeatMapProps, "count" | "ramp" | "unit" | "onChoose" | "onPoint"> & {
  readonly value: SteppedValue;
  readonly step: string;
  readonly readoutId: string;
  readonly column: number;
  /** What it is in the step and the unit that are looked at. */
  readonly number: string;
};

function Gate({ value, step, readoutId, column, number, ...map }: GateProps) {
  const { name, size, gate, description, data } = value;
  const extents = useMemo(() => extentsOfValue(data, value, false), [data]);
  return (
    <div class="frames-row">
      {description !== undefined && <span class="frames-about soft small">{description}</span>}
      <code class="frames-name">{name}</code>
      <HeatMap
        label={`${name}: ${size === 1 ? "1 unit" : `${size} units`} over ${map.count} ${step}s. Arrow keys move.`}
        describedBy={readoutId}
        {...{ ...map, data, size, extents }}
        done={map.count}
        strips={none}
        place={column}
      />
      <span class="numbers">
        {number}
        <br />
        <span class="soft small">{gate ? "0 to 1" : `±${Number((extents[0] as number).toPrecision(2))}`}</span>
      </span>
    </div>
  );
}
