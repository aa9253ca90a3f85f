/** The map of a value of one of two models that are compared, which scrolls together with the other's. */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { liveliest, useRamp } from "../../components/heat.ts";
import { HeatMap, type Strip } from "../../components/heat-map.tsx";
import type { LinkedScrolling } from "../../components/linked-scrolling.ts";
import { UnitField } from "../../components/unit-field.tsx";
import { fill, texts } from "../../texts/texts.ts";
import { extentsIn, firstShown, type Reading, type ReadValue, readout } from "./reading.ts";
import { ValueLegend, ValueSelect } from "./value-select.tsx";

const own = texts.inspect.compare.maps;

export type LinkedMapProps = {
  /** The model's name. */
  readonly name: string;
  readonly reading: Reading;
  /** The settings of the view in a link; `value` and `unit` with the suffix are this map's. */
  readonly start: Readonly<Record<string, string>>;
  readonly suffix: string;
  readonly strip: Strip;
  readonly place: number;
  readonly linked: LinkedScrolling;
  readonly offsets: Float64Array;
  readonly onPlace: (place: number) => void;
  readonly onView: (view: Readonly<Record<string, string>>) => void;
};

export function LinkedMap(props: LinkedMapProps) {
  const { name, reading, start, suffix, strip, place, linked, offsets, onPlace, onView } = props;
  const { head, values, surprise } = reading;
  const count = head.ids.length;
  const id = useId();
  const ramp = useRamp();
  const [key, setKey] = useState(
    () => (values.find((value) => value.key === start[`value${suffix}`]) ?? firstShown(reading)).key,
  );
  const value = values.find((other) => other.key === key) as ReadValue;
  const [chosenUnit, setUnit] = useState<number | undefined>(() => {
    const given = Number(start[`unit${suffix}`] ?? "none");
    return given >= 0 && given < value.size ? Math.floor(given) : undefined;
  });
  const unit = useMemo(() => chosenUnit ?? liveliest(value.data, value.size), [chosenUnit, value]);
  const [pointed, setPointed] = useState<{ readonly place: number; readonly unit: number }>();
  useEffect(() => onView({ [`value${suffix}`]: key, [`unit${suffix}`]: String(unit) }), [key, unit]);
  const extents = useMemo(() => extentsIn(value, count, true), [value]);
  const strips = useMemo((): readonly Strip[] => {
    const extent = extentsIn(surprise, count, true)[0] as number;
    return [{ label: surprise.label, data: surprise.data, extent }, strip];
  }, [surprise, strip]);
  const at = pointed ?? { place, unit };
  return (
    <section aria-labelledby={`${id}-name`}>
      <h3 id={`${id}-name`}>{fill(own.model, { name })}</h3>
      <div class="row">
        <ValueSelect
          values={values}
          value={value}
          onChoose={(next) => {
            setKey(next.key);
            setUnit(undefined);
            setPointed(undefined);
          }}
        />
        <UnitField count={value.size} unit={unit} onChoose={setUnit} />
        <ValueLegend value={value} extent={extents[unit] as number} />
      </div>
      <output id={`${id}-here`} class="readout" aria-live={pointed === undefined ? "polite" : "off"}>
        {readout(reading, value, at, count)}
      </output>
      <HeatMap
        label={fill(own.map, { name, value: value.label })}
        describedBy={`${id}-here`}
        count={count}
        tokens={head.texts}
        done={count}
        data={value.data}
        size={value.size}
        extents={extents}
        strips={strips}
        ramp={ramp}
        place={place}
        unit={unit}
        linked={linked}
        offsets={offsets}
        onChoose={(place, unit) => {
          onPlace(place);
          setUnit(unit);
        }}
        onPoint={setPointed}
      />
    </section>
  );
}
