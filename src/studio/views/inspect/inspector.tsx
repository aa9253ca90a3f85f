/**
 * Show a text that a model has read: the text in colours, the map of a value, the predictions, and units that follow a
 * pattern.
 */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { ColouredText } from "../../components/coloured-text.tsx";
import { Failed } from "../../components/failed.tsx";
import { liveliest, shadeOf, useRamp, visible } from "../../components/heat.ts";
import { HeatMap, type Strip } from "../../components/heat-map.tsx";
import { TokenBars } from "../../components/token-bars.tsx";
import { UnitField } from "../../components/unit-field.tsx";
import { useNewest } from "../../engine/engine.ts";
import { useLoaded } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Found, PatternSearch } from "./pattern-search.tsx";
import {
  expectedAfter,
  extentsIn,
  firstShown,
  nameOf,
  placeIn,
  type Reading,
  type ReadValue,
  readout,
  stateBefore,
} from "./reading.ts";
import { Steps } from "./steps.tsx";
import { ValueLegend, ValueSelect } from "./value-select.tsx";

const says = texts.inspect.inspector;

export type InspectorProps = {
  readonly model: OpenModel;
  readonly reading: Reading;
  readonly done: number;
  /** The settings of the view in a link. */
  readonly start: Readonly<Record<string, string>>;
  /** The settings for a link to the current view. */
  readonly onView: (view: Readonly<Record<string, string>>) => void;
};

/** The number of previous tokens whose influence is computed. */
const windowTokens = 100;

/** What the text's colours mean. */
type Colouring = "unit" | keyof typeof says.colourings;

export function Inspector({ model, reading, done, start, onView }: InspectorProps) {
  const { head, values, surprise } = reading;
  const count = head.texts.length;
  const ramp = useRamp();
  const readoutId = useId();
  const [key, setKey] = useState(() => (values.find((value) => value.key === start.value) ?? firstShown(reading)).key);
  const value = values.find((other) => other.key === key) as ReadValue;
  const [chosenUnit, setUnit] = useState<number | undefined>(() => {
    const given = Number(start.unit ?? "none");
    return given >= 0 && given < value.size ? Math.floor(given) : undefined;
  });
  const unit = useMemo(
    () => chosenUnit ?? (done < count ? 0 : liveliest(value.data, value.size)),
    [chosenUnit, value, done],
  );
  const [ownScale, setOwnScale] = useState(true);
  const [place, setPlace] = useState(() => placeIn(start.at, count));
  const [colouring, setColouring] = useState<Colouring>(() =>
    start.by === "norms" || start.by === "products" ? start.by : "unit",
  );
  const [found, setFound] = useState<Found>();
  // In the text, only a position is selected; the unit does not change.
  const [pointed, setPointed] = useState<{ readonly place: number; readonly unit?: number }>();

  const [find, setFind] = useState(start.find ?? "");
  const [seesCell, setSeesCell] = useState(start.cell === "1");
  const {
    value: CellAtToken,
    error: cellError,
    retry: retryCell,
  } = useLoaded(seesCell ? "cell" : undefined, async () => (await import("./cell-at-token.tsx")).default);
  const view = { value: value.key, unit: String(unit), at: String(place) };
  const whole = {
    ...view,
    ...(colouring !== "unit" && { by: colouring }),
    ...(find !== "" && { find }),
    ...(seesCell && { cell: "1" }),
  };
  const said = JSON.stringify(whole);
  useEffect(() => {
    if (done < count) return;
    const timer = setTimeout(() => onView(whole), 400);
    return () => clearTimeout(timer);
  }, [said, done]);

  const choose = (nextPlace: number, nextUnit: number): void => {
    setPlace(nextPlace);
    setUnit(nextUnit);
  };
  const chooseValue = (next: ReadValue, nextUnit?: number): void => {
    setKey(next.key);
    setUnit(nextUnit);
    setPointed(undefined);
    setColouring("unit");
  };

  const extents = useMemo(() => extentsIn(value, done, ownScale), [value, done, ownScale]);
  const extent = extents[unit] as number;
  const surpriseExtent = useMemo(() => extentsIn(surprise, done, true)[0] as number, [surprise, done]);
  const owed = useOwed(model, reading, place, colouring !== "unit" && place > 0 && done === count);
  const shade = useMemo(
    () => shading({ colouring, value, unit, extent, done, owed: owed.value }),
    [colouring, value, unit, extent, done, owed.value],
  );
  const strips = useMemo((): readonly Strip[] => {
    const isShown = found !== undefined && value.size > 1;
    const own = new Float32Array(isShown ? count : 0).map((_, t) => value.data[t * value.size + unit] as number);
    return [
      { label: surprise.label, data: surprise.data, extent: surpriseExtent },
      ...(found === undefined ? [] : [{ label: says.pattern, data: found.signal, extent: found.extent }]),
      ...(own.length === 0 ? [] : [{ label: nameOf(value, unit), data: own, extent }]),
    ];
  }, [value, unit, extent, surpriseExtent, found, done, count]);

  const at = { place: pointed?.place ?? place, unit: pointed?.unit ?? unit };
  const read = Math.min(place, done - 1);
  return (
    <div class="inspector">
      <div class="beside-text">
        <section aria-labelledby={`${readoutId}-text`}>
          <h2 id={`${readoutId}-text`}>{texts.inspect.theText.title}</h2>
          <div class="row">
            <label class="field">
              {texts.inspect.coloursShow}
              <select
                value={colouring}
                onChange={(event) => setColouring(event.currentTarget.value as Colouring)}
                disabled={done < count}
              >
                {Object.entries({ unit: nameOf(value, unit), ...says.colourings }).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <Steps place={place} count={count} onChoose={(next) => setPlace(next)} />
          </div>
          <ColouredText
            label={texts.inspect.theText.label}
            describedBy={readoutId}
            tokens={head.texts}
            ramp={ramp}
            shade={shade}
            at={place}
            onChoose={setPlace}
            onPoint={(token) => setPointed(token === undefined ? undefined : { place: token })}
          />
          {colouring !== "unit" && (
            <p class="soft small" role="status">
              {owed.error ?? explained(colouring, head.texts[place] as string, place)}
            </p>
          )}
        </section>
        <section aria-labelledby={`${readoutId}-next`}>
          <h2 id={`${readoutId}-next`}>{says.next}</h2>
          <p class="soft small">{expectation(reading, read)}</p>
          <TokenBars tokens={expectedAfter(reading, read)} present={head.ids[read + 1]} />
        </section>
      </div>
      <details class="cell-at-token" open={seesCell} onToggle={(event) => setSeesCell(event.currentTarget.open)}>
        <summary>{says.cell}</summary>
        {cellError !== undefined && <Failed error={says.cellNotLoaded} onRetry={retryCell} />}
        {seesCell && CellAtToken !== undefined && (
          <CellAtToken {...{ reading, done, value, unit, place }} onPlace={setPlace} onValue={chooseValue} />
        )}
      </details>
      <section aria-labelledby={`${readoutId}-patterns`}>
        <h2 id={`${readoutId}-patterns`}>{says.patterns}</h2>
        <PatternSearch
          model={model}
          reading={reading}
          ready={done === count}
          value={value}
          unit={unit}
          find={find}
          onFind={setFind}
          onFound={setFound}
          onShow={chooseValue}
        />
      </section>
      <section aria-labelledby={`${readoutId}-values`}>
        <h2 id={`${readoutId}-values`}>{says.values}</h2>
        <div class="row">
          <ValueSelect values={values} value={value} onChoose={chooseValue} />
          <UnitField count={value.size} unit={unit} onChoose={setUnit} />
          {!value.gate && (
            <label class="check">
              <input
                type="checkbox"
                checked={ownScale}
                onChange={(event) => setOwnScale(event.currentTarget.checked)}
              />{" "}
              {says.ownScale}
            </label>
          )}
          <ValueLegend value={value} extent={extent} />
        </div>
        <p class="soft small">{value.description ?? ""}</p>
        <output id={readoutId} class="readout" aria-live={pointed === undefined ? "polite" : "off"}>
          {readout(reading, value, at, done)}
        </output>
        <HeatMap
          label={fill(says.map, { value: value.label })}
          describedBy={readoutId}
          count={count}
          tokens={head.texts}
          done={done}
          data={value.data}
          size={value.size}
          extents={extents}
          strips={strips}
          ramp={ramp}
          place={place}
          unit={unit}
          onChoose={choose}
          onPoint={setPointed}
        />
        <p class="soft small">{says.mapAbout}</p>
      </section>
    </div>
  );
}

/** The influence of each earlier token on the prediction of a token. */
type Owed = { readonly place: number; readonly from: number } & Readonly<Record<"norms" | "products", Float32Array>>;

function useOwed(model: OpenModel, reading: Reading, place: number, wanted: boolean) {
  return useNewest<Owed>(
    async () => {
      const from = Math.max(0, place - windowTokens);
      const ids = reading.head.ids.slice(from, place + 1);
      return { place, from, ...(await model.ask("saliency", ids, stateBefore(reading, from))) };
    },
    wanted ? String(place) : undefined,
  );
}

type Shading = {
  readonly colouring: Colouring;
  readonly value: ReadValue;
  readonly unit: number;
  readonly extent: number;
  readonly done: number;
  readonly owed: Owed | undefined;
};

/** The colour of each token, as an index into the ramp. */
function shading({ colouring, value, unit, extent, done, owed }: Shading) {
  if (colouring === "unit") {
    return (t: number): number | undefined =>
      t < done ? shadeOf(value.data[t * value.size + unit] as number, extent) : undefined;
  }
  // The result of the previous position stays until the new one arrives.
  if (owed === undefined) return () => undefined;
  const numbers = owed[colouring];
  const strongest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-12);
  return (t: number): number | undefined => {
    const x = numbers[t - owed.from];
    return t < owed.place && x !== undefined ? shadeOf(x, strongest) : undefined;
  };
}

function explained(colouring: Exclude<Colouring, "unit">, token: string, place: number): string {
  if (place === 0) return says.explained.first;
  return fill(says.explained[colouring], { token: visible(token), window: windowTokens });
}

function expectation({ head, surprise, told }: Reading, place: number): string {
  const token = visible(head.texts[place] as string);
  if (place === 0) return told === 0 ? "" : fill(says.expectedAfterFirst, { token });
  const own = fill(says.surprise, { token, bits: (surprise.data[place] as number).toFixed(2) });
  return told === 0 ? own : `${own} ${says.expected}`;
}
