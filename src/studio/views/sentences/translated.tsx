/** A sentence and its translation: token by token, where the decoder looked, and its gates. */
import { useMemo, useState } from "preact/hooks";
import { type Address, go, linkTo } from "../../address.ts";
import { ColouredText } from "../../components/coloured-text.tsx";
import { Gates } from "../../components/gates.tsx";
import { shadeOf, useRamp, visible } from "../../components/heat.ts";
import { HeatMap } from "../../components/heat-map.tsx";
import { NeverSeen } from "../../components/never-seen.tsx";
import { written } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { percent, TokenBars } from "../../components/token-bars.tsx";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { type Decoding, useDecoding } from "./decoding.ts";
import { NumbersTable } from "./numbers-table.tsx";
import { Problem, SentenceField, useTyped } from "./typed.tsx";

const own = texts.sentences.translated;

const [usualBeams, maxBeams] = [4, 20];

export function Translated({ model, address }: { readonly model: OpenModel; readonly address: Address }) {
  const { path, query } = address;
  const typed = useTyped(address);
  const asked = Number(query.beams ?? usualBeams);
  const beams = Number.isInteger(asked) && asked >= 1 && asked <= maxBeams ? asked : usualBeams;
  const { sofar, decoded, error } = useDecoding(model, typed.text, beams);
  const isThere = typed.text.trim() !== "";
  return (
    <>
      <SentenceField label={own.source} typed={typed} />
      <div class="row">
        <label class="field">
          {own.beams}
          <input
            type="number"
            min={1}
            max={maxBeams}
            value={query.beams ?? String(usualBeams)}
            onInput={({ currentTarget: { value } }) =>
              go(linkTo("sentences", path, { ...query, text: typed.text, beams: value }), { replace: true })
            }
          />
        </label>
        <p class="soft small">{fill(beams === asked ? own.kept : own.keptNow, { most: maxBeams, n: usualBeams })}</p>
      </div>
      {!isThere && <p role="status">{texts.sentences.empty}</p>}
      {isThere && <Problem error={error} />}
      {isThere && (sofar ?? decoded) !== undefined && (
        <section aria-labelledby="translation">
          <h2 id="translation">{own.translation}</h2>
          <p class="translation" role="status" aria-busy={sofar !== undefined}>
            {sofar === undefined ? decoded?.text : `${sofar.text} …`}
          </p>
          {decoded !== undefined && <Steps key={decoded.target.length} decoded={decoded} />}
        </section>
      )}
    </>
  );
}

/** What is shown for the token that ends a translation. */
const { end } = own;
type Whole = NonNullable<Decoding["decoded"]>;

function Steps({ decoded }: { readonly decoded: Whole }) {
  const { target, source, probabilities, next, steps, attention, values, ended, logProbability, unknown } = decoded;
  const ramp = useRamp();
  const names = useMemo(() => (ended ? [...target.slice(0, -1), end] : target), [target, ended]);
  const [chosen, setChosen] = useState(0);
  const [pointed, setPointed] = useState<number>();
  const last = names.length - 1;
  const at = Math.min(pointed ?? chosen, last);
  // Words stand apart; characters and byte pairs are the text as it is.
  const apart = decoded.text !== target.slice(0, ended ? -1 : undefined).join("");
  const pieces = useMemo(() => (apart ? names.map((name) => `${name} `) : names), [names, apart]);
  const looked = { at: at + 1, count: names.length, token: visible(names[at] ?? "") };
  return (
    <>
      <NeverSeen characters={unknown} />
      <p class="soft small">
        {fill(ended ? own.whole : own.wholeCut, { probability: percent(Math.exp(logProbability)) })}
      </p>
      <h3>{own.byToken}</h3>
      <div class="beside-text">
        <div>
          <ColouredText
            label={own.label}
            describedBy="token"
            tokens={pieces}
            ramp={ramp}
            shade={(t) => shadeOf(probabilities[t] ?? 0, 1)}
            at={Math.min(chosen, last)}
            onChoose={setChosen}
            onPoint={setPointed}
          />
          <p id="token" class="small numbers" aria-live={pointed === undefined ? "polite" : "off"}>
            {fill(own.token, { ...looked, probability: percent(probabilities[at] ?? 0) })}
          </p>
          <RampLegend low={own.unsure} high={own.sure} gate />
          {(steps[at]?.length ?? 0) > 1 && (
            <>
              <p class="soft small">{own.after}</p>
              <ol class="kept">
                {steps[at]?.map((one, k) => (
                  <li key={k}>
                    <code>{one.text}</code> {one.ended && <span class="soft">{end}</span>}{" "}
                    <span class="soft small numbers">{percent(Math.exp(one.logProbability))}</span>
                  </li>
                ))}
              </ol>
            </>
          )}
        </div>
        <div>
          <p class="soft small">{own.inPlace}</p>
          <TokenBars
            tokens={(next[at] ?? []).map((one) => (ended && isEnd(one.text, target) ? { ...one, text: end } : one))}
            present={next[at]?.find(({ text }) => text === target[at])?.token}
          />
        </div>
      </div>
      {attention !== undefined && (
        <Attention {...{ attention, source, names }} row={Math.min(chosen, last)} onChoose={setChosen} />
      )}
      <h3>{own.gates}</h3>
      <Gates
        values={values}
        place={fill(own.place, looked)}
        count={names.length}
        columns={own.columns}
        column={at}
        onChoose={setChosen}
        onPoint={setPointed}
      />
    </>
  );
}

const isEnd = (text: string, target: readonly string[]): boolean => text === target.at(-1);
const none: readonly never[] = [];

type AttentionProps = {
  /** For each token of the target the share of each of the source. */
  readonly attention: readonly Float32Array[];
  readonly source: readonly string[];
  readonly names: readonly string[];
  /** The token of the target that is looked at. */
  readonly row: number;
  readonly onChoose: (row: number) => void;
};

function Attention({ attention, source, names, row, onChoose }: AttentionProps) {
  const ramp = useRamp();
  const [asked, setAsked] = useState<number>();
  const [pointed, setPointed] = useState<{ readonly place: number; readonly unit: number }>();
  const strongest = attention[row]?.reduce((best, share, s, all) => (share > (all[best] as number) ? s : best), 0) ?? 0;
  const column = Math.min(asked ?? strongest, source.length - 1);
  const [s, t] = pointed === undefined ? [column, row] : [pointed.place, pointed.unit];
  // A column of the map is a token of the source.
  const data = useMemo(
    () =>
      Float32Array.from({ length: source.length * names.length }, (_, k) => {
        return attention[k % names.length]?.[Math.floor(k / names.length)] ?? 0;
      }),
    [attention, source, names],
  );
  const extents = useMemo(() => new Float32Array(names.length).fill(1), [names]);
  return (
    <>
      <h3>{own.attention.title}</h3>
      <div class="row">
        <RampLegend low="0" high="1" gate />
        <output id="looked" class="readout small" aria-live={pointed === undefined ? "polite" : "off"}>
          {rich(own.attention.looked, {
            ...{
              token: visible(names[t] ?? ""),
              share: written(attention[t]?.[s] ?? 0),
              source: visible(source[s] ?? ""),
            },
          })}
        </output>
      </div>
      <HeatMap
        label={own.attention.label}
        describedBy="looked"
        count={source.length}
        tokens={source}
        rows={names}
        done={source.length}
        size={names.length}
        strips={none}
        {...{ data, extents, ramp }}
        place={column}
        unit={row}
        onChoose={(place, unit) => {
          setAsked(place);
          onChoose(unit);
        }}
        onPoint={setPointed}
      />
      <p class="soft small">{own.attention.about}</p>
      <NumbersTable
        columns={source}
        rows={names.map((name, t) => ({ name, numbers: attention[t] ?? none }))}
        write={written}
      />
    </>
  );
}
