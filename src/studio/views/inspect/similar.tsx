/** Select a span of the text, and find the spans whose states match it, by the units that are on. */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import {
  type MatchesByChance,
  maxSpans,
  proposedThreshold,
  type SimilarSpan,
  type StateSpan,
  shiftedCopies,
  unitsOn,
} from "../../../tasks/similar-spans.ts";
import { ColouredText, type Span } from "../../components/coloured-text.tsx";
import { extentOf, shadeOf, useRamp, visible } from "../../components/heat.ts";
import { HeatMap } from "../../components/heat-map.tsx";
import { written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { engine } from "../../engine/engine.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { Context } from "./compare-totals.tsx";
import { useJob } from "./job.ts";
import type { PartProps } from "./parts.ts";
import { extentsIn, firstShown, nameOf, placeIn, type Reading, type ReadValue } from "./reading.ts";
import { Steps } from "./steps.tsx";
import { ValueSelect } from "./value-select.tsx";
import { Working } from "./working.tsx";

const says = texts.inspect.similar;

/** The longest span: of a longer one hardly a unit stays on. */
const maxTokens = 500;
/** The threshold that is proposed, as a share of nearly the largest number. */
const usualShare = 0.3;
/** The largest number of units whose map is drawn. */
const maxMapped = 40;
const contextCharacters = 24;

export default function Similar(props: PartProps) {
  const states = props.reading.head.values.filter(({ state, size }) => state && size > 1);
  if (states.length === 0) {
    return <p role="status">{fill(says.noStates, { name: props.model.name })}</p>;
  }
  if (props.done < props.reading.head.ids.length) return <p role="status">{texts.inspect.values.reading}</p>;
  return <Search {...props} />;
}

/** The span in a link. */
function spanIn({ from, to }: Readonly<Record<string, string>>, count: number): Span | undefined {
  if (from === undefined || to === undefined) return undefined;
  const [first, last] = [Math.floor(Number(from)), Math.floor(Number(to))];
  return first >= 0 && last > first && last <= count
    ? { from: first, to: Math.min(last, first + maxTokens) }
    : undefined;
}

function Search({ reading, start, onView }: PartProps) {
  const id = useId();
  const ramp = useRamp();
  const { head } = reading;
  const count = head.ids.length;
  const values = reading.values.filter(({ state, size }) => state && size > 1);
  const [key, setKey] = useState(() => valueIn(reading, values, start.value).key);
  const value = values.find((other) => other.key === key) as ReadValue;
  const extent = useMemo(() => Number(extentOf(value.data).toPrecision(2)), [value]);
  const [given, setThreshold] = useState<number | undefined>(() => {
    const threshold = Number(start.threshold || Number.NaN);
    return Number.isFinite(threshold) ? threshold : undefined;
  });
  const [ends, setEnds] = useState(start.ends === "1");
  const [span, setSpan] = useState(() => spanIn(start, count));
  const [place, setPlace] = useState(() => placeIn(start.at, count));
  const proposed = useMemo(() => {
    const usual = Number((usualShare * extent).toPrecision(2));
    return span === undefined ? usual : proposedThreshold({ data: value.data, size: value.size, ...span }, usual);
  }, [value, span, extent]);
  const threshold = given ?? proposed;
  /** The units that the reader has taken out. */
  const [without, setWithout] = useState<ReadonlySet<number>>(
    () => new Set((start.without ?? "").split(",").filter(Boolean).map(Number)),
  );

  const asked = useMemo(
    (): StateSpan | undefined =>
      span && { data: value.data, size: value.size, from: span.from, to: span.to, threshold, ends },
    [value, span, threshold, ends],
  );
  const on = useMemo(() => (asked === undefined ? [] : unitsOn(asked)), [asked]);
  const units = useMemo(() => on.filter((unit) => !without.has(unit)), [on, without]);
  const wanted = asked === undefined || units.length === 0 ? undefined : asked;
  const question = wanted && JSON.stringify([key, wanted.from, wanted.to, threshold, ends, units]);
  const work = useJob(question, () => engine().run("similarSpans", wanted as StateSpan, units));
  const levels = levelsOf(work.value ?? []);
  const isCompared = question !== undefined && units.length > 1 && levels.length > 0;
  const chance = useJob(isCompared ? `${question}${levels}` : undefined, () =>
    engine().run("matchesByChance", wanted as StateSpan, units, levels),
  );
  const taken = on.filter((unit) => without.has(unit)).join(",");
  useEffect(() => {
    onView({
      ...{ value: key, at: String(place) },
      ...(given !== undefined && { threshold: String(given) }),
      ...(ends && { ends: "1" }),
      ...(span !== undefined && { from: String(span.from), to: String(span.to) }),
      ...(taken !== "" && { without: taken }),
    });
  }, [key, place, given, ends, span, taken]);

  const select = ({ from, to }: Span): void => {
    setSpan({ from, to: Math.min(to, from + maxTokens) });
    setWithout(new Set());
  };
  /** How many of the units are on at each token, as a share. */
  const share = useMemo(() => {
    const shares = new Float32Array(units.length === 0 ? 0 : count);
    for (let t = 0; t < shares.length; t++) {
      let sum = 0;
      for (const unit of units) if ((value.data[t * value.size + unit] as number) >= threshold) sum++;
      shares[t] = sum / units.length;
    }
    return shares;
  }, [value, units, threshold, count]);
  const shade = useMemo(
    () => (t: number) => (share.length === 0 ? undefined : shadeOf(share[t] as number, 1)),
    [share],
  );
  const found = work.value;
  const selected = span === undefined ? "" : head.texts.slice(span.from, span.to).join("");
  return (
    <div class="similar">
      <div class="row">
        <ValueSelect
          label={texts.inspect.values.states}
          values={values}
          value={value}
          onChoose={(next) => {
            setKey(next.key);
            setThreshold(undefined);
            setWithout(new Set());
          }}
        />
        <Slider
          label={says.threshold}
          value={threshold}
          min={0}
          max={Math.max(extent, threshold)}
          step={extent / 100}
          format={(threshold) => String(Number(threshold.toPrecision(3)))}
          onInput={(next) => {
            setThreshold(Number(next.toPrecision(3)));
            setWithout(new Set());
          }}
        />
        {given !== undefined && given !== proposed && (
          <button type="button" onClick={() => setThreshold(undefined)}>
            {says.propose}
          </button>
        )}
        <label class="check">
          <input type="checkbox" checked={ends} onChange={(event) => setEnds(event.currentTarget.checked)} />{" "}
          {says.ends}
        </label>
      </div>
      <section aria-labelledby={`${id}-text`}>
        <h2 id={`${id}-text`}>{texts.inspect.theText.title}</h2>
        <div class="row">
          <Steps place={place} count={count} onChoose={setPlace} />
          <button type="button" onClick={() => select({ from: place, to: Math.max(place + 1, span?.to ?? 0) })}>
            {says.begins}
          </button>
          <button type="button" onClick={() => select({ from: Math.min(place, span?.from ?? place), to: place + 1 })}>
            {says.endsHere}
          </button>
        </div>
        <p id={`${id}-how`} class="soft small">
          {says.about}
        </p>
        <ColouredText
          label={says.label}
          describedBy={`${id}-how`}
          tokens={head.texts}
          ramp={ramp}
          shade={shade}
          at={place}
          onChoose={setPlace}
          span={span}
          onSpan={select}
        />
        <output class="readout" aria-live="polite">
          {span === undefined
            ? says.noSpan
            : fill(says.selected, { text: visible(cutText(selected)), from: span.from + 1, to: span.to })}
        </output>
      </section>
      {span !== undefined && (
        <section aria-labelledby={`${id}-units`}>
          <h2 id={`${id}-units`}>{says.units.title}</h2>
          {on.length === 0 ? (
            <p role="status">{fill(says.units.none, { value: value.label, threshold, ends: String(ends) })}</p>
          ) : (
            <>
              <p class="soft small">
                {fill(says.units.some, { on: on.length, count: value.size, threshold, ends: String(ends) })}
              </p>
              <div class="row units">
                {on.map((unit) => (
                  <button
                    key={unit}
                    type="button"
                    aria-pressed={!without.has(unit)}
                    onClick={() => {
                      const next = new Set(without);
                      if (!next.delete(unit)) next.add(unit);
                      setWithout(next);
                    }}
                  >
                    <code>{nameOf(value, unit)}</code>
                  </button>
                ))}
              </div>
            </>
          )}
        </section>
      )}
      {wanted !== undefined && (
        <section aria-labelledby={`${id}-matches`}>
          <h2 id={`${id}-matches`}>{says.matches.title}</h2>
          <Working label={says.matches.searching} work={work} />
          {found !== undefined && (
            <>
              <p class="soft small" role="status">
                {found.length === 0
                  ? says.matches.nothing
                  : fill(found.length === maxSpans ? says.matches.best : says.matches.all, {
                      count: found.length,
                    })}{" "}
                {fill(says.matches.about, { ends: String(ends) })}
              </p>
              {isCompared && <Working label={says.chance.comparing} work={chance} />}
              {found.length > 0 && units.length === 1 && <p class="small">{says.chance.single}</p>}
              {chance.value !== undefined && <Chance levels={chance.value} />}
              <ol class="matches wide">
                {found.map((one) => (
                  <li key={one.from}>
                    <button
                      type="button"
                      aria-pressed={place >= one.from && place < one.to}
                      onClick={() => setPlace(one.from)}
                    >
                      <Context texts={head.texts} from={one.from} to={one.to} most={contextCharacters} />
                      <span class="numbers">
                        {fill(says.matches.match, {
                          match: written(one.match),
                          on: one.units.length,
                          count: units.length,
                        })}
                      </span>
                    </button>
                  </li>
                ))}
              </ol>
              <UnitsMap
                key={units.join()}
                {...{ reading, value, threshold, place }}
                units={units.slice(0, maxMapped)}
                onPlace={setPlace}
              />
            </>
          )}
        </section>
      )}
    </div>
  );
}

/** The matches of the best span and of the last one that is listed. */
const levelsOf = (found: readonly SimilarSpan[]): readonly number[] => [
  ...new Set([found[0], found.at(-1)].flatMap((span) => span?.match ?? [])),
];

/** What chance alone would find. */
function Chance({ levels }: { readonly levels: readonly MatchesByChance[] }) {
  const [best, last] = levels.map(({ match, here, shifted }) => ({
    ...{ match: written(match), here, median: shifted[shifted.length >> 1] as number },
    ...{ least: shifted[0] as number, most: shifted.at(-1) as number },
  }));
  if (best === undefined) return null;
  const told =
    last === undefined
      ? rich(says.chance.one, best)
      : rich(says.chance.two, {
          ...best,
          ...{ lastMatch: last.match, lastHere: last.here, lastMedian: last.median },
          ...{ lastLeast: last.least, lastMost: last.most },
        });
  return (
    <p class="small chance" role="status">
      {told} {fill(says.chance.about, { copies: shiftedCopies })}
    </p>
  );
}

const cutText = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 50)} … ${text.slice(-20)}`);

function valueIn(reading: Reading, values: readonly ReadValue[], asked: string | undefined): ReadValue {
  const usual = firstShown(reading).key;
  const named = (key: string | undefined) => values.find((value) => value.key === key);
  return named(asked) ?? named(usual) ?? (values[0] as ReadValue);
}

type UnitsMapProps = {
  readonly reading: Reading;
  readonly value: ReadValue;
  readonly threshold: number;
  readonly units: readonly number[];
  readonly place: number;
  readonly onPlace: (place: number) => void;
};

/** The numbers of the chosen units alone. */
function UnitsMap({ reading, value, threshold, units, place, onPlace }: UnitsMapProps) {
  const id = useId();
  const ramp = useRamp();
  const { texts } = reading.head;
  const count = texts.length;
  const [row, setRow] = useState(0);
  const [pointed, setPointed] = useState<{ readonly place: number; readonly unit: number }>();
  const data = useMemo(() => {
    const own = new Float32Array(count * units.length);
    for (let t = 0, at = 0; t < count; t++) {
      for (const unit of units) own[at++] = value.data[t * value.size + unit] as number;
    }
    return own;
  }, [value, units.join()]);
  const extents = useMemo(() => {
    const all = extentsIn(value, count, true);
    return Float32Array.from(units, (unit) => all[unit] as number);
  }, [value, units.join()]);
  const at = pointed ?? { place, unit: Math.min(row, units.length - 1) };
  const number = data[at.place * units.length + at.unit] as number;
  return (
    <>
      <output id={`${id}-here`} class="readout" aria-live={pointed === undefined ? "polite" : "off"}>
        {rich(number >= threshold ? says.map.on : says.map.off, {
          ...{ value: nameOf(value, units[at.unit] as number), place: at.place + 1 },
          ...{ token: visible(texts[at.place] as string), number: written(number, 3) },
        })}
      </output>
      <HeatMap
        label={fill(says.map.label, { value: value.label })}
        describedBy={`${id}-here`}
        count={count}
        tokens={texts}
        done={count}
        rows={units.map(String)}
        data={data}
        size={units.length}
        extents={extents}
        strips={[]}
        ramp={ramp}
        place={place}
        unit={Math.min(row, units.length - 1)}
        onChoose={(place, unit) => {
          onPlace(place);
          setRow(unit);
        }}
        onPoint={setPointed}
      />
    </>
  );
}
