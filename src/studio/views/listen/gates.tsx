/** Every gate, state and other value of a layer while it hears: a heat map for each line of its equations, units by frames. */
import { useId, useMemo, useState } from "preact/hooks";
import { extentsOfValue, useRamp } from "../../components/heat.ts";
import { HeatMap, type HeatMapProps } from "../../components/heat-map.tsx";
import { written } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { UnitField } from "../../components/unit-field.tsx";
import type { ClassifierFacts, Heard, HeardValue } from "../../engine/listening.ts";

export type GatesProps = {
  readonly heard: Heard;
  readonly facts: ClassifierFacts;
  /** The frame that is looked at, among those that are shown. */
  readonly column: number;
  readonly live: boolean;
  readonly onChoose: (column: number) => void;
  readonly onPoint: (column: number | undefined) => void;
};

export function Gates({ heard, facts: { values, hopMs }, column, live, onChoose, onPoint }: GatesProps) {
  const { count, frames } = heard;
  const ramp = useRamp();
  const readoutId = useId();
  const layers = [...new Set(values.map(({ layer }) => layer))];
  const [asked, setAsked] = useState(layers[0]);
  const layer = layers.find((one) => one === asked) ?? layers[0];
  const [chosenUnit, setChosenUnit] = useState(0);
  const [pointedUnit, setPointedUnit] = useState<number>();
  const shown = values.flatMap((value, k) => {
    if (value.layer !== layer) return [];
    return { ...value, data: heard.values[k] as Float32Array };
  });
  const units = Math.max(1, ...shown.map(({ size }) => size));
  /** A value that is one number has it for each unit. */
  const unitOf = (size: number, unit: number): number => Math.min(unit, size - 1);
  const unit = unitOf(units, pointedUnit ?? chosenUnit);
  const numberOf = ({ data, size }: (typeof shown)[number]): string =>
    written(data[column * size + unitOf(size, unit)] ?? 0);
  const frame = frames - count + column + 1;
  return (
    <>
      <h3>The gates</h3>
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
      <output id={readoutId} class="small" aria-live={live || pointedUnit !== undefined ? "off" : "polite"}>
        Unit {unit} after frame {frame.toLocaleString("en")}, {((frame * hopMs) / 1000).toFixed(2)} s:{" "}
        {shown.map((value) => `${value.name} ${numberOf(value)}`).join(", ")}
      </output>
      <div class="frames gates">
        {shown.map((value) => (
          <Gate
            key={value.key}
            {...{ value, count, ramp, readoutId, column }}
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
        Each line of the equations of <code>{layer}</code>: rows are units, columns are frames. Point, tap or use the
        arrow keys.
      </p>
    </>
  );
}

const none: readonly never[] = [];

type GateProps = Pick<HeatMapProps, "count" | "ramp" | "unit" | "onChoose" | "onPoint"> & {
  readonly value: HeardValue & { readonly data: Float32Array };
  readonly readoutId: string;
  readonly column: number;
  /** What it is in the frame and the unit that are looked at. */
  readonly number: string;
};

function Gate({ value, readoutId, column, number, ...map }: GateProps) {
  const { name, size, gate, description, data } = value;
  const extents = useMemo(() => extentsOfValue(data, value, false), [data]);
  return (
    <div class="frames-row">
      {description !== undefined && <span class="frames-about soft small">{description}</span>}
      <code class="frames-name">{name}</code>
      <HeatMap
        label={`${name}: ${size === 1 ? "1 unit" : `${size} units`} over ${map.count} frames. Arrow keys move.`}
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
