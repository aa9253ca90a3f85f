/** The states of a text, or the rows of the embedding, as points along their principal components. */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { maxAxes, type PrincipalComponents } from "../../../tasks/principal-components.ts";
import { characterKinds, kindOf } from "../../components/character-kinds.ts";
import { Choice, chosen } from "../../components/choice.tsx";
import { ColouredText } from "../../components/coloured-text.tsx";
import { Failed } from "../../components/failed.tsx";
import { extentOf, shadeOf, useRamp, visible } from "../../components/heat.ts";
import { written } from "../../components/numbers.ts";
import { type Place, Scatter } from "../../components/scatter.tsx";
import { colourOf, css, mix, useTheme } from "../../components/theme.ts";
import { engine } from "../../engine/engine.ts";
import type { EmbeddingRows } from "../../engine/states.ts";
import { useLoaded } from "../../loading.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { Context } from "./compare-totals.tsx";
import { useJob } from "./job.ts";
import type { PartProps } from "./parts.ts";
import { firstShown, placeIn, type ReadValue } from "./reading.ts";
import { Selected } from "./selected.tsx";
import { type Area, areaBetween, areaOf, areaText, pointsIn } from "./selection.ts";
import { ValueSelect } from "./value-select.tsx";
import { Working } from "./working.tsx";

const own = texts.inspect.stateMap;

type Kind = keyof typeof own.kinds;
/** What the colours of points stand for. */
type Colouring = keyof typeof own.colourings;

/** The axes across and up, from 0. */
const pairs = { "12": [0, 1], "13": [0, 2], "23": [1, 2], "34": [2, 3] } as const;
type Pair = keyof typeof pairs;

/** The number of steps between two colours. */
const steps = 16;
/** The tokens before the chosen one whose states a line goes through. */
const pathTokens = 10;
const contextCharacters = 20;

export default function StateMap(props: PartProps) {
  const [of, setOf] = useState<Kind>(() => chosen(own.kinds, props.start.of, "states"));
  const onView = (view: Readonly<Record<string, string>>): void =>
    props.onView({ ...view, ...(of !== "states" && { of }) });
  return (
    <div class="state-map">
      <Choice label={own.label} value={of} options={own.kinds} onChoose={setOf} />
      {of === "states" ? <States {...props} onView={onView} /> : <Embedding {...props} onView={onView} />}
    </div>
  );
}

function States(props: PartProps) {
  const { model, reading, done, start, onView } = props;
  const { head } = reading;
  const values = reading.values.filter(({ state, size }) => state && size > 1);
  const [first] = useState(() => {
    const named = (key: string | undefined) => values.find((value) => value.key === key);
    return (named(start.value) ?? named(firstShown(reading).key) ?? values[0])?.key ?? "";
  });
  const [key, setKey] = useState(first);
  const value = values.find((other) => other.key === key);
  const isRead = done === head.ids.length;
  const work = useJob(isRead && value !== undefined && head.ids.length > 1 ? value.key : undefined, () => {
    const { data, size } = value as ReadValue;
    return engine().run("principalComponents", data, size, maxAxes);
  });
  if (value === undefined) {
    return <p role="status">{fill(own.noStates, { name: model.name })}</p>;
  }
  if (head.ids.length < 2) return <p role="status">{own.tooShort}</p>;
  return (
    <>
      <div class="row">
        <ValueSelect
          label={texts.inspect.values.states}
          values={values}
          value={value}
          onChoose={(next) => setKey(next.key)}
        />
      </div>
      {!isRead && <p role="status">{texts.inspect.values.reading}</p>}
      <Working label={own.findingAxes} work={work} />
      {work.value !== undefined && (
        <Points
          key={value.key}
          {...props}
          // A rectangle in a link is one of the states that the link names.
          start={value.key === first && start.of !== "embedding" ? start : { ...start, area: "" }}
          components={work.value}
          tokens={head.texts}
          onView={(view) => onView({ ...view, value: value.key })}
        />
      )}
    </>
  );
}

function Embedding(props: PartProps) {
  const { model, start } = props;
  const { value, error, retry } = useLoaded(model.id, async () => ({ rows: await model.ask("embeddingRows") }));
  const rows = value?.rows;
  const usable = rows !== undefined && rows.size > 1 && rows.names.length > 1;
  const work = useJob(usable ? model.id : undefined, () => {
    const { data, size } = rows as EmbeddingRows;
    return engine().run("principalComponents", data, size, maxAxes);
  });
  if (error !== undefined) return <Failed error={error} onRetry={retry} />;
  if (value === undefined) return null;
  if (!usable) {
    return <p role="status">{fill(own.noRows, { name: model.name })}</p>;
  }
  return (
    <>
      <Working label={own.findingAxes} work={work} />
      {work.value !== undefined && (
        <Points
          {...props}
          start={start.of === "embedding" ? start : { ...start, area: "" }}
          components={work.value}
          tokens={rows.names}
          names
        />
      )}
    </>
  );
}

type PointsProps = PartProps & {
  readonly components: PrincipalComponents;
  /** The text of each point's token. */
  readonly tokens: readonly string[];
  /** Whether points are tokens of the vocabulary, and are drawn as their names; by default they are those of the text. */
  readonly names?: boolean;
};

function Points({ reading, start, onView, components, tokens, names = false }: PointsProps) {
  const id = useId();
  const ramp = useRamp();
  const { texts: read, ids } = reading.head;
  const { scores, variances, total } = components;
  const [place, setPlace] = useState(() => placeIn(start.at, read.length));
  const [colouring, setColouring] = useState<Colouring>(() => chosen(own.colourings, start.colour, "kind"));
  const [pair, setPair] = useState<Pair>(() => chosen(pairs, start.axes, "12"));
  /** Of a token that is not in the text, its point. */
  const [elsewhere, setElsewhere] = useState<number>();
  const [pointed, setPointed] = useState<number>();
  const [area, setArea] = useState<Area | undefined>(() => areaOf(start.area));
  /** The point at the first corner of a rectangle whose other corner is the chosen point. */
  const [corner, setCorner] = useState<number>();
  const axes = variances.length;
  const [x, y] = pairs[pair].map((axis) => Math.min(axis, axes - 1)) as [number, number];
  useEffect(() => {
    onView({
      at: String(place),
      ...(pair !== "12" && { axes: pair }),
      ...(!names && colouring !== "kind" && { colour: colouring }),
      ...(area !== undefined && { area: areaText(area) }),
    });
  }, [place, pair, colouring, area]);

  const along = (axis: number): Float32Array => Float32Array.from(tokens, (_, n) => scores[n * axes + axis] as number);
  const across = useMemo(() => along(x), [components, x]);
  const up = useMemo(() => along(y), [components, y]);
  const { colours, palette } = useColours(names ? "kind" : colouring, tokens, reading.surprise.data);
  const shown = useMemo(() => (names ? tokens.map(visible) : undefined), [tokens, names]);
  const chosenPoint = names ? (elsewhere ?? ids[place]) : place;
  const path = useMemo(
    () =>
      names
        ? []
        : Array.from({ length: Math.min(place, pathTokens) + 1 }, (_, k) => place - Math.min(place, pathTokens) + k),
    [place, names],
  );
  const choose = (point: number): void => {
    if (!names) {
      setPlace(point);
      return;
    }
    // The next place of the text that has the token, else the first one.
    const next = ids.indexOf(point, place + 1);
    const found = next < 0 ? ids.indexOf(point) : next;
    setElsewhere(found < 0 ? point : undefined);
    if (found >= 0) setPlace(found);
  };
  const extent = useMemo(() => extentOf(across), [across]);
  const between = (a: Place, b: Place): Area => areaBetween(a, b, extent);
  const placeOf = (point: number): Place => [across[point] as number, up[point] as number];
  const selected = useMemo(() => area && pointsIn(area, across, up), [area, across, up]);
  const marked = useMemo(
    () => selected && (names ? Uint8Array.from(ids, (id) => selected[id] ?? 0) : selected),
    [selected, names],
  );
  const clear = (): void => {
    setArea(undefined);
    setCorner(undefined);
  };
  useEffect(() => {
    if (corner !== undefined && chosenPoint !== undefined) setArea(between(placeOf(corner), placeOf(chosenPoint)));
  }, [corner, chosenPoint]);
  const isSelecting = area !== undefined || corner !== undefined;
  useEffect(() => {
    if (!isSelecting) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented) clear();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [isSelecting]);
  const takeCorner = (): void => setCorner(corner === undefined ? chosenPoint : undefined);
  const shade = useMemo(
    () => (t: number) => {
      const score = names ? across[ids[t] as number] : across[t];
      return score === undefined ? undefined : shadeOf(score, extent);
    },
    [across, extent, names],
  );
  const share = (variance: number | undefined): string =>
    total > 0 ? `${((100 * (variance as number)) / total).toFixed(1)} %` : "0 %";
  const at = pointed ?? chosenPoint ?? 0;
  return (
    <>
      <div class="row">
        {axes > 1 && (
          <label class="field">
            {own.axes}
            <select
              value={pair}
              onChange={(event) => {
                setPair(event.currentTarget.value as Pair);
                clear();
              }}
            >
              {(Object.keys(pairs) as Pair[])
                .filter((name) => pairs[name][1] < axes)
                .sort()
                .map((name) => (
                  <option key={name} value={name}>
                    {fill(own.pair, { x: pairs[name][0] + 1, y: pairs[name][1] + 1 })}
                  </option>
                ))}
            </select>
          </label>
        )}
        {!names && (
          <label class="field">
            {texts.inspect.coloursShow}
            <select value={colouring} onChange={(event) => setColouring(event.currentTarget.value as Colouring)}>
              {Object.entries(own.colourings).map(([name, label]) => (
                <option key={name} value={name}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <div class="figure">
        <section aria-labelledby={`${id}-map`}>
          <h2 id={`${id}-map`}>{own.map.title}</h2>
          <p class="soft small numbers">
            {fill(own.map.about, {
              ...{ x: x + 1, shareX: share(variances[x]), y: y + 1, shareY: share(variances[y]) },
              ...{ axes, all: share(variances.reduce((a, b) => a + b, 0)) },
            })}
          </p>
          <Scatter
            label={fill(names ? own.map.ofVocabulary : own.map.ofText, { x: x + 1, y: y + 1 })}
            describedBy={`${id}-here`}
            {...{ across, up, colours, palette, path }}
            {...(shown !== undefined && { names: shown })}
            chosen={chosenPoint}
            page={ramp.page}
            area={area}
            onChoose={choose}
            onPoint={setPointed}
            onDrag={(from, to) => {
              setCorner(undefined);
              setArea(between(from, to));
            }}
            onCorner={takeCorner}
          />
          <output id={`${id}-here`} class="readout" aria-live={pointed === undefined ? "polite" : "off"}>
            {names
              ? fill(own.map.times, {
                  token: visible(tokens[at] ?? ""),
                  times: ids.reduce((sum, id) => sum + (id === at ? 1 : 0), 0),
                })
              : rich(own.map.token, {
                  ...{ place: at + 1, count: tokens.length },
                  context: <Context texts={read} from={at} to={at + 1} most={contextCharacters} />,
                })}{" "}
            <span class="soft">
              ({written(across[at] ?? 0)}, {written(up[at] ?? 0)})
            </span>
          </output>
          <Legend colouring={names ? "kind" : colouring} />
          <p class="soft small">{own.select.about}</p>
          <div class="row">
            <button
              type="button"
              aria-pressed={corner !== undefined}
              disabled={chosenPoint === undefined}
              onClick={takeCorner}
            >
              {corner === undefined ? own.select.corner : own.select.other}
            </button>
            <button type="button" class="quiet" disabled={!isSelecting} onClick={clear}>
              {own.select.clear}
            </button>
          </div>
        </section>
        <section aria-labelledby={`${id}-text`}>
          <h2 id={`${id}-text`}>{texts.inspect.theText.title}</h2>
          <p class="soft small">
            {fill(names ? own.text.ofVocabulary : own.text.ofText, { axis: x + 1, tokens: pathTokens })}
          </p>
          <ColouredText
            label={texts.inspect.theText.label}
            describedBy={`${id}-here`}
            tokens={read}
            ramp={ramp}
            shade={shade}
            marked={marked}
            at={place}
            onChoose={(token) => {
              setElsewhere(undefined);
              setPlace(token);
            }}
            onPoint={(token) => setPointed(token === undefined ? undefined : names ? ids[token] : token)}
          />
        </section>
      </div>
      {selected !== undefined && <Selected {...{ tokens, names, selected }} />}
    </>
  );
}

/** The colour of each point. */
function useColours(colouring: Colouring, tokens: readonly string[], surprise: Float32Array) {
  const [theme] = useTheme();
  const palette = useMemo(() => {
    if (colouring === "kind") return characterKinds.map((_, k) => css(colourOf(`--c${k + 1}`)));
    const [from, to] = [colourOf("--c1"), colourOf("--c2")];
    return Array.from({ length: steps }, (_, k) => css(mix(from, to, k / (steps - 1))));
  }, [theme, colouring === "kind"]);
  const colours = useMemo(() => {
    if (colouring === "kind") return Uint8Array.from(tokens, kindOf);
    const numbers = Float32Array.from(tokens, (_, n) => (colouring === "surprise" ? (surprise[n] as number) : n));
    if (colouring === "line") {
      let begin = 0;
      tokens.forEach((token, n) => {
        numbers[n] = n - begin;
        if (token.includes("\n")) begin = n + 1;
      });
    }
    const extent = colouring === "place" ? tokens.length : extentOf(numbers);
    return Uint8Array.from(numbers, (number) => Math.min(steps - 1, Math.floor((steps * number) / extent)));
  }, [colouring, tokens, surprise]);
  return { palette, colours };
}

function Legend({ colouring }: { readonly colouring: Colouring }) {
  if (colouring === "kind") {
    return (
      <ul class="kinds small">
        {characterKinds.map((kind, k) => (
          <li key={kind}>
            <span class="swatch" style={{ background: `var(--c${k + 1})` }} /> {kind}
          </li>
        ))}
      </ul>
    );
  }
  const { low, high } = own.legend[colouring];
  return (
    <p class="small row">
      {low} <span class="between" /> {high}
    </p>
  );
}
