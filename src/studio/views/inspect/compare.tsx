/**
 * Compare two models on one text: how surprised each is by every part of it, their values in maps that scroll together, and what
 * each writes from the same beginning.
 */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { type Comparison, compareSurprise, partOf } from "../../../tasks/surprise-difference.ts";
import { linkTo } from "../../address.ts";
import { ColouredText } from "../../components/coloured-text.tsx";
import { Failed } from "../../components/failed.tsx";
import { extentOf, shadeOf, useRamp, visible } from "../../components/heat.ts";
import { createLinkedScrolling, offsetsOf } from "../../components/linked-scrolling.ts";
import { NeverSeen } from "../../components/never-seen.tsx";
import { written } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { TokenBars } from "../../components/token-bars.tsx";
import { messageOf } from "../../loading.ts";
import { isOfText, readModelFile, useModels } from "../../models/model-store.ts";
import { type OpenModel, useOpenModel } from "../../models/open-model.ts";
import { FileButton, keepFiles } from "../../models/picker.tsx";
import { fill, rich, texts } from "../../texts/texts.ts";
import { LargestDifferences, Totals } from "./compare-totals.tsx";
import { CompareWriting } from "./compare-writing.tsx";
import { LinkedMap } from "./linked-map.tsx";
import type { PartProps } from "./parts.ts";
import { expectedAfter, placeIn, type Reading, useReading } from "./reading.ts";
import { Steps } from "./steps.tsx";
import { useView } from "./view-link.ts";

const own = texts.inspect.compare;

/** Of the memory for values the share that the second model gets. */
const secondShare = 0.5;

export default function Compare({ model, text, reading, done, start, onView }: PartProps) {
  const models = useModels();
  const [other, setOther] = useState(start.with);
  const [problem, setProblem] = useState("");
  const others = models?.filter((each) => isOfText(each) && each.id !== model.id) ?? [];
  const found = models?.find(({ id }) => id === other && id !== model.id);
  const opened = useOpenModel(found && { ...found, load: () => readModelFile(found.id) });
  const second = opened.value;
  const take = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    setProblem("");
    try {
      setOther((await keepFiles(files)).id);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  if (models === undefined) return <p class="soft">{own.looking}</p>;
  return (
    <div class="compare">
      <div class="row">
        {others.length > 0 && (
          <label class="field">
            {fill(own.with, { name: model.name })}
            <select value={found?.id ?? ""} onChange={(event) => setOther(event.currentTarget.value)}>
              {!others.some(({ id }) => id === found?.id) && <option value="">{own.choose}</option>}
              {others.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <FileButton label={own.open} onFiles={take} />
      </div>
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {opened.error !== undefined && <Failed error={opened.error} onRetry={opened.retry} />}
      {found === undefined && (
        <p role="status">
          {other !== undefined && other !== model.id && `${fill(own.gone, { id: other })} `}
          {others.length === 0
            ? rich(own.none, { lab: (inside) => <a href={linkTo("lab")}>{inside}</a> })
            : own.chooseOne}
        </p>
      )}
      {second !== undefined && !isOfText(second.facts) && (
        <p role="status">{fill(own.otherTask, { name: second.name, task: second.facts.task.title })}</p>
      )}
      {second !== undefined && isOfText(second.facts) && (
        <Beside key={second.id} first={model} {...{ second, text, reading, done, start, onView }} />
      )}
    </div>
  );
}

type BesideProps = Omit<PartProps, "model"> & { readonly first: OpenModel; readonly second: OpenModel };

function Beside({ first, second, text, reading, done, start, onView }: BesideProps) {
  const other = useReading(second, text, secondShare);
  const count = reading.head.ids.length;
  const otherCount = other.reading?.head.ids.length ?? 0;
  const isRead = done === count && other.reading !== undefined && other.done === otherCount && otherCount > 0;
  const read = (done + (other.reading === undefined ? 0 : (other.done / otherCount) * count)) / (2 * count);
  const settings = { with: second.id };
  return (
    <>
      {other.error !== undefined && (
        <p class="error" role="alert">
          {fill(own.doesNotRead, { name: second.name, why: other.error })}
        </p>
      )}
      {other.reading?.head.maxOverall !== undefined && (
        <p role="status">{fill(own.statesOnly, { name: second.name, most: other.reading.head.maxOverall })}</p>
      )}
      <NeverSeen characters={other.reading?.head.unknown ?? []} name={second.name} />
      {!isRead && other.error === undefined && (
        <p role="status" class="row working">
          {own.reading} <progress value={read} aria-label={own.progress} />
        </p>
      )}
      {isRead && (
        <Compared {...{ first, second, start, onView, settings }} readings={[reading, other.reading as Reading]} />
      )}
    </>
  );
}

type ComparedProps = Pick<BesideProps, "first" | "second" | "start" | "onView"> & {
  readonly readings: readonly [Reading, Reading];
  readonly settings: Readonly<Record<string, string>>;
};

const tokensOf = ({ head, surprise }: Reading) => ({ texts: head.texts, bits: surprise.data, unknown: head.unknown });

function Compared({ first, second, readings, start, onView, settings }: ComparedProps) {
  const [a, b] = readings;
  const names = [first.name, second.name] as const;
  const comparison = useMemo(() => compareSurprise(tokensOf(a), tokensOf(b)), [a, b]);
  const [tellMap, tellWriting] = useView({ ...settings }, onView);
  if ("at" in comparison) {
    return (
      <>
        <p role="alert">
          {fill(own.cannotCompare, {
            ...{ place: comparison.at + 1, first: names[0], second: names[1] },
            ...{ firstText: visible(comparison.read[0]), secondText: visible(comparison.read[1]) },
          })}
        </p>
        <CompareWriting models={[first, second]} start={start} onView={tellWriting} />
      </>
    );
  }
  return (
    <>
      <Differences {...{ names, readings, comparison, start }} onView={tellMap} />
      <CompareWriting models={[first, second]} start={start} onView={tellWriting} />
    </>
  );
}

type DifferencesProps = {
  readonly names: readonly [string, string];
  readonly readings: readonly [Reading, Reading];
  readonly comparison: Comparison;
  readonly start: Readonly<Record<string, string>>;
  readonly onView: (view: Readonly<Record<string, string>>) => void;
};

function Differences({ names, readings, comparison, start, onView }: DifferencesProps) {
  const id = useId();
  const ramp = useRamp();
  const [a, b] = readings;
  const { texts, first, difference, counts } = comparison;
  const [at, setAt] = useState(() => {
    const token = placeIn(start.at, a.head.ids.length);
    return { part: partOf(first[0], token), tokens: [token, undefined] as [number | undefined, number | undefined] };
  });
  const [pointed, setPointed] = useState<number>();
  const goTo = (part: number): void => setAt({ part, tokens: [undefined, undefined] });
  const chooseIn = (side: 0 | 1, token: number): void => {
    const tokens: [number | undefined, number | undefined] = [undefined, undefined];
    tokens[side] = token;
    setAt({ part: partOf(first[side], token), tokens });
  };
  /** The token of a model that is shown: the chosen one, else the last of the part. */
  const tokenOf = (side: 0 | 1, part: number): number =>
    (part === at.part ? at.tokens[side] : undefined) ?? Math.max(0, (first[side][part + 1] as number) - 1);
  const [views, setViews] = useState<readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>]>([
    {},
    {},
  ]);
  const place = String(tokenOf(0, at.part));
  useEffect(() => onView({ at: place, ...views[0], ...views[1] }), [place, views]);

  const extent = useMemo(() => extentOf(difference.filter((_, k) => counts[k] === 1)), [difference, counts]);
  const shade = useMemo(
    () => (part: number) => (counts[part] === 1 ? shadeOf(difference[part] as number, extent) : undefined),
    [difference, counts, extent],
  );
  const linked = useMemo(createLinkedScrolling, []);
  const offsets = useMemo(() => [offsetsOf(a.head.texts), offsetsOf(b.head.texts)] as const, [a, b]);
  /** The difference of its part, for each token. */
  const strips = useMemo(
    () =>
      ([0, 1] as const).map((side) => {
        const data = new Float32Array(readings[side].head.ids.length);
        for (let part = 0; part < texts.length; part++) {
          data.fill(difference[part] as number, first[side][part], first[side][part + 1]);
        }
        return { label: own.difference.strip, data, extent };
      }),
    [comparison, extent],
  );
  const shown = pointed ?? at.part;
  const largest = Number(extent.toPrecision(2));
  return (
    <>
      <section aria-labelledby={`${id}-totals`}>
        <h2 id={`${id}-totals`}>{own.totals.title}</h2>
        <Totals names={names} comparison={comparison} />
      </section>
      <div class="beside-text">
        <section aria-labelledby={`${id}-text`}>
          <h2 id={`${id}-text`}>{own.difference.title}</h2>
          <div class="row">
            <RampLegend
              low={fill(own.difference.low, { bits: largest, name: names[0] })}
              high={fill(own.difference.high, { bits: largest, name: names[1] })}
              gate={false}
            />
            <Steps place={at.part} count={texts.length} onChoose={goTo} />
          </div>
          <ColouredText
            label={own.difference.label}
            describedBy={`${id}-here`}
            tokens={texts}
            ramp={ramp}
            shade={shade}
            at={at.part}
            onChoose={goTo}
            onPoint={setPointed}
          />
          <output id={`${id}-here`} class="readout" aria-live={pointed === undefined ? "polite" : "off"}>
            {told(comparison, shown, names)}
          </output>
          <LargestDifferences {...{ names, comparison }} part={at.part} onChoose={goTo} />
        </section>
        <section aria-labelledby={`${id}-next`}>
          <h2 id={`${id}-next`}>{own.expected.title}</h2>
          {([0, 1] as const).map((side) => (
            <Expected key={side} name={names[side]} reading={readings[side]} token={first[side][at.part] as number} />
          ))}
        </section>
      </div>
      <section aria-labelledby={`${id}-maps`}>
        <h2 id={`${id}-maps`}>{own.maps.title}</h2>
        <p class="soft small">{own.maps.about}</p>
        {([0, 1] as const).map((side) => (
          <LinkedMap
            key={side}
            name={names[side]}
            reading={readings[side]}
            start={start}
            suffix={side === 0 ? "" : "2"}
            strip={strips[side] as (typeof strips)[number]}
            place={tokenOf(side, at.part)}
            linked={linked}
            offsets={offsets[side]}
            onPlace={(token) => chooseIn(side, token)}
            onView={(view) => setViews((views) => (side === 0 ? [view, views[1]] : [views[0], view]))}
          />
        ))}
      </section>
    </>
  );
}

/** The surprise of both at a part of the text. */
function told({ texts, bits, difference, counts }: Comparison, part: number, names: readonly [string, string]): string {
  const text = visible(texts[part] as string);
  if (counts[part] !== 1) return fill(own.difference.doesNotCount, { text });
  const more = difference[part] as number;
  return fill(own.difference.readout, {
    ...{ text, first: names[0], second: names[1] },
    ...{ firstBits: written(bits[0][part] as number), secondBits: written(bits[1][part] as number) },
    difference: `${more > 0 ? "+" : ""}${written(more)}`,
  });
}

/** What a model expected in the place of a token. */
function Expected({
  name,
  reading,
  token,
}: {
  readonly name: string;
  readonly reading: Reading;
  readonly token: number;
}) {
  return (
    <>
      <p class="soft small">{fill(token === 0 ? own.expected.first : own.expected.model, { name })}</p>
      {token > 0 && (
        <TokenBars tokens={expectedAfter(reading, token - 1).slice(0, 5)} present={reading.head.ids[token]} />
      )}
    </>
  );
}
