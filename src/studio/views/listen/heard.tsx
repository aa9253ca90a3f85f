/** What was heard: the probability of each class over time, and below it, at the same frames, the gates. */
import { useMemo, useState } from "preact/hooks";
import { Gates } from "../../components/gates.tsx";
import type { ClassifierFacts, Heard } from "../../engine/listening.ts";
import { fill, rich, texts } from "../../texts/texts.ts";

const own = texts.listen.heard;

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
/** More classes than these are not looked at. */
const maxShown = 12;

export type HeardProps = {
  readonly heard: Heard;
  readonly facts: ClassifierFacts;
  /** Whether more of it comes. */
  readonly live: boolean;
};

export function HeardSound({ heard, facts, live }: HeardProps) {
  const { count, frames, since, probabilities, values, words } = heard;
  const { labels, hopMs } = facts;
  // The frame that is looked at, from 0; by default the last one, and again once it is no longer shown.
  const [chosen, setChosen] = useState<number>();
  const [pointed, setPointed] = useState<number>();
  const first = frames - count;
  const looked = pointed ?? chosen;
  const column = looked === undefined || looked < first || looked >= frames ? count - 1 : looked - first;
  const at = (t: number, c: number): number => probabilities[t * labels.length + c] ?? 0;
  const rows = labels.map((label, c) => {
    let most = 0;
    for (let t = 0; t < count; t++) most = Math.max(most, at(t, c));
    return { label, c, now: at(count - 1, c), most };
  });
  const shown =
    rows.length <= maxShown ? rows : [...rows].sort((a, b) => b.now - a.now || b.most - a.most).slice(0, maxShown);
  const best = rows.reduce((best, row) => (row.now > best.now ? row : best));
  const seconds = (n: number): string => ((n * hopMs) / 1000).toFixed(1);
  return (
    <>
      <p role="status">
        {rich(frames > 1 ? own.bestAfter : own.best, {
          ...{ label: best.label, probability: percent(best.now) },
          ...{ frames: since.toLocaleString("en"), seconds: seconds(since) },
          soft: (inside) => <span class="soft">{inside}</span>,
        })}
      </p>
      {words.length > 0 && (
        <p role="status">
          {rich(own.words, {
            words: [...words].reverse().map(({ label, probability }, k) => (
              <span key={words.length - k}>
                {k > 0 && ", "}
                <strong>{label}</strong> <span class="soft">({percent(probability)})</span>
              </span>
            )),
          })}
        </p>
      )}
      {first > 0 && (
        <p class="soft small">{fill(own.last, { n: count.toLocaleString("en"), seconds: seconds(count) })}</p>
      )}
      <div data-figure={texts.pictures.names.heard} class="gates">
        {shown.map(({ label, c, now, most }) => (
          <div key={label} class="gates-row">
            <span class="gates-name">{label}</span>
            <Bars
              label={fill(own.bars, { label, now: percent(now), most: percent(most) })}
              {...{ probabilities, count, classes: labels.length, c }}
            />
            <span class="numbers">{percent(at(column, c))}</span>
          </div>
        ))}
      </div>
      {shown.length < rows.length && (
        <p class="soft small">{fill(own.likeliest, { n: shown.length, all: rows.length })}</p>
      )}
      {values.length > 0 && (
        <>
          <h3>{own.gates}</h3>
          <Gates
            {...{ count, column, live }}
            values={facts.values.map((value, k) => ({ ...value, data: values[k] as Float32Array }))}
            columns={own.columns}
            place={fill(own.place, {
              n: (first + column + 1).toLocaleString("en"),
              seconds: (((first + column + 1) * hopMs) / 1000).toFixed(2),
            })}
            onChoose={(column) => setChosen(first + column)}
            onPoint={(column) => setPointed(column === undefined ? undefined : first + column)}
          />
        </>
      )}
    </>
  );
}

type BarsProps = {
  readonly label: string;
  /** (count,classes) */
  readonly probabilities: Float32Array;
  readonly count: number;
  readonly classes: number;
  readonly c: number;
};

/** The probability of class `c`: a bar for each frame, as one path. */
function Bars({ label, probabilities, count, classes, c }: BarsProps) {
  const path = useMemo(() => {
    let path = "M0,1";
    for (let t = 0; t < count; t++) {
      path += `V${(1 - (probabilities[t * classes + c] as number)).toFixed(3)}H${t + 1}`;
    }
    return `${path}V1Z`;
  }, [probabilities, c]);
  return (
    <svg viewBox={`0 0 ${Math.max(1, count)} 1`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}
