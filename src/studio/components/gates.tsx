/** Every gate, state and other value of a layer over time: a heat map for each line of its equations, units by steps. */
import { useId, useMemo, useState } from "preact/hooks";
import type { LayerValue } from "../engine/reading.ts";
import { fill, rich, texts } from "../texts/texts.ts";
import "./gates.css";
import { extentsOfValue, useRamp } from "./heat.ts";
import { HeatMap, type HeatMapProps } from "./heat-map.tsx";
import { written } from "./numbers.ts";
import { RampLegend } from "./ramp-legend.tsx";
import { UnitField } from "./unit-field.tsx";

const own = texts.components.gates;

/** The values of one layer, and the unit that is looked at: what controls and rows share. */
export type Gates = ReturnType<typeof useGates>;

/** @param data (T,size) each, in the order of the values */
export function useGates(values: readonly LayerValue[], data: readonly Float32Array[]) {
  const readoutId = useId();
  const layers = [...new Set(values.map(({ layer }) => layer))];
  const [asked, setLayer] = useState(layers[0]);
  const layer = layers.find((one) => one === asked) ?? layers[0];
  const [chosen, setUnit] = useState(0);
  const [pointed, setPointed] = useState<number>();
  const shown = values.flatMap((value, k) =>
    value.layer === layer ? [{ ...value, data: data[k] ?? new Float32Array() }] : [],
  );
  const units = Math.max(1, ...shown.map(({ size }) => size));
  const chosenUnit = Math.min(chosen, units - 1);
  const unit = Math.min(pointed ?? chosenUnit, units - 1);
  /** A value that is one number has it for each unit. */
  const numberAt = (column: number, { data, size }: (typeof shown)[number]): string =>
    written(data[column * size + Math.min(unit, size - 1)] ?? 0);
  return {
    ...{ readoutId, layers, layer, setLayer, shown, units, chosenUnit, unit, setUnit, setPointed, numberAt },
    isPointed: pointed !== undefined,
  };
}

/** A value with its numbers (count,size). */
export type SteppedValue = LayerValue & { readonly data: Float32Array };

export type GatesProps = {
  readonly values: readonly SteppedValue[];
  /** How many steps there are. */
  readonly count: number;
  /** What the columns are: "frames". */
  readonly columns: string;
  /** The one that is looked at, and how it is called: "after frame 12, 0.40 s". */
  readonly column: number;
  readonly place: string;
  /** Whether more of it comes. */
  readonly live?: boolean;
  readonly onChoose: (column: number) => void;
  readonly onPoint: (column: number | undefined) => void;
};

/** All of them: which layer and unit, and a row for each value. */
export function Gates({ values, count, columns, column, place, live = false, onChoose, onPoint }: GatesProps) {
  const data = useMemo(() => values.map((value) => value.data), [values]);
  const gates = useGates(values, data);
  return (
    <>
      <GateControls {...{ gates, column, live }} where={place} />
      <div data-figure={texts.pictures.names.gates} class="gates apart">
        <GateRows {...{ gates, count, column, columns, onChoose, onPoint }} done={count} />
      </div>
      <p class="soft small">{rich(own.about, { layer: gates.layer, columns })}</p>
    </>
  );
}

export type GateControlsProps = {
  readonly gates: Gates;
  readonly column: number;
  /** Which column that is, in words: "after frame 12, 0.40 s". */
  readonly where: string;
  /** Whether the column moves by itself. */
  readonly live: boolean;
};

/** Which layer and which unit, and its numbers in the column that is looked at. */
export function GateControls({ gates, column, where, live }: GateControlsProps) {
  const { layers, layer, setLayer, units, chosenUnit, setUnit, unit, shown, numberAt, readoutId, isPointed } = gates;
  return (
    <>
      <div class="row gates-controls">
        {layers.length > 1 && (
          <label class="field">
            {own.layer}
            <select value={layer} onChange={({ currentTarget: { value } }) => setLayer(value)}>
              {layers.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <UnitField count={units} unit={chosenUnit} onChoose={setUnit} />
        <RampLegend low="0" high="1" gate />
        <RampLegend low="−" high="+" gate={false} />
      </div>
      <output id={readoutId} class="gates-readout small" aria-live={live || isPointed ? "off" : "polite"}>
        {fill(own.readout, {
          ...{ unit, where },
          values: shown.map((value) => `${value.name} ${numberAt(column, value)}`).join(", "),
        })}
      </output>
    </>
  );
}

export type GateRowsProps = {
  readonly gates: Gates;
  readonly count: number;
  /** How many of the columns are known. */
  readonly done: number;
  readonly column: number;
  /** What the columns are: "frames". */
  readonly columns: string;
  readonly onChoose: (column: number) => void;
  readonly onPoint: (column: number | undefined) => void;
};

/** A row for each value, within `.gates`. */
export function GateRows({ gates, onChoose, onPoint, ...shared }: GateRowsProps) {
  const ramp = useRamp();
  const { shown, unit, setUnit, setPointed, numberAt, readoutId } = gates;
  return (
    <>
      {shown.map((value) => (
        <Gate
          key={value.key}
          {...{ ...shared, value, ramp, readoutId }}
          unit={Math.min(unit, value.size - 1)}
          number={numberAt(shared.column, value)}
          onChoose={(column, unit) => {
            onChoose(column);
            setUnit(unit);
          }}
          onPoint={(cell) => {
            onPoint(cell?.place);
            setPointed(cell?.unit);
          }}
        />
      ))}
    </>
  );
}

const none: readonly never[] = [];

type GateProps = Pick<HeatMapProps, "count" | "done" | "ramp" | "unit" | "onChoose" | "onPoint"> & {
  readonly value: Gates["shown"][number];
  readonly readoutId: string;
  readonly column: number;
  readonly columns: string;
  /** What it is in the column and the unit that are looked at. */
  readonly number: string;
};

function Gate({ value, readoutId, column, columns, number, ...map }: GateProps) {
  const { name, size, gate, description, data } = value;
  const extents = useMemo(
    () => extentsOfValue(data.subarray(0, Math.max(1, map.done) * size), value, false),
    [data, map.done, gate],
  );
  return (
    <div class="gates-row">
      {description !== undefined && <span class="gates-about soft small">{description}</span>}
      <code class="gates-name">{name}</code>
      <HeatMap
        label={fill(own.map, { name, columns, units: size, count: map.count })}
        describedBy={readoutId}
        {...{ ...map, data, size, extents }}
        strips={none}
        place={column}
      />
      <span class="numbers">
        {number}
        <br />
        <span class="soft small">{gate ? own.fromZeroToOne : `±${Number((extents[0] as number).toPrecision(2))}`}</span>
      </span>
    </div>
  );
}
