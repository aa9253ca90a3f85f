/** Chapter 8: characters as numbers, a model that is trained in the page, and how it chooses what comes next. */
import { useEffect, useState } from "preact/hooks";
import { Failed } from "../../components/failed.tsx";
import { Formula } from "../../components/formula.tsx";
import { written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { engine, tellOfDeath, useAnswer, useAsks } from "../../engine/engine.ts";
import type { Lesson } from "../../engine/text-lesson.ts";
import { mobyDick } from "../../models/book.ts";
import { readModelFile, useModels } from "../../models/model-store.ts";
import { type OpenModel, useOpenModel } from "../../models/open-model.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { costInWords } from "./cost-in-words.ts";
import { Questions } from "./questions.tsx";
import { aNumber, aText, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import { units } from "./text-training.ts";
import { TextTraining } from "./text-training-view.tsx";
import "./text.css";

const own = texts.learn.text;

const untrained = "";

const longest = { word: 12, text: 48 } as const;
const temperatures = { min: 0.1, max: 2, step: 0.05 };
const wordKinds = { word: aText("whale", longest.word) };
const textKinds = { text: aText("the captain of the s", longest.text) };
const temperatureKinds = { temperature: aNumber(1, temperatures) };

export default function TextChapter() {
  const models = useModels();
  const [chosen, choose] = useState<string>();
  const id = chosen ?? models?.[0]?.id ?? untrained;
  const keptBack = models?.find((model) => model.id === id)?.training?.facts.validationLoss;
  const { value: model, error, retry } = useOpenModel(models && { id, name: own.model, load: () => loadFile(id) });
  return (
    <>
      <p>{rich(own.lead)}</p>
      <h2>{own.train.title}</h2>
      <p>{fill(own.train.lead, { units })}</p>
      <TextTraining onKept={choose} />
      <div class="text-models">
        <label class="field">
          {own.train.models}
          <select value={id} onChange={(event) => choose(event.currentTarget.value)}>
            {models?.map((model) => (
              <option key={model.id} value={model.id}>
                {model.name}
              </option>
            ))}
            <option value={untrained}>{own.train.untrained}</option>
          </select>
        </label>
      </div>
      {error !== undefined && <Failed error={error} onRetry={retry} />}
      <h2>{own.numbers.title}</h2>
      <AsNumbers model={model} />
      <h2>{own.next.title}</h2>
      <Next model={model} keptBack={keptBack} />
      <Questions chapter="text" />
    </>
  );
}

/** A model's file by its id, or an untrained one's. */
const loadFile = async (id: string): Promise<Uint8Array<ArrayBuffer>> =>
  id === untrained ? engine().ask("untrained", await mobyDick(), units) : readModelFile(id);

/** An answer that takes a while, asked for when `key` has not changed for a moment; the last one stays until then. */
function useSoon<Result>(ask: () => Promise<Result> | undefined, key: readonly unknown[]): Result | undefined {
  const [answer, setAnswer] = useState<Result>();
  const asks = useAsks();
  useEffect(() => {
    let left = false;
    const timer = setTimeout(() => {
      ask()?.then((made) => {
        if (!left) setAnswer(made);
      }, tellOfDeath);
    }, 80);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [...key, asks]);
  return answer;
}

/** How a model sees a text. */
const useLesson = (model: OpenModel | undefined, text: string): Lesson | undefined =>
  useSoon(() => model?.ask("lesson", text), [model, text]);

/** Each character of a word: its id, the vector with a single 1, and the row of the embedding that this picks out. */
function AsNumbers({ model }: { readonly model: OpenModel | undefined }) {
  const [{ word }, set] = useShared(wordKinds);
  const lesson = useLesson(model, word);
  const size = lesson?.vocabulary.length ?? 1;
  const largest = Math.max(...(lesson?.tokens.flatMap(({ features }) => [...features].map(Math.abs)) ?? [1]));
  return (
    <>
      <p>{rich(own.numbers.lead)}</p>
      <div class="card">
        <label class="field text-word">
          {own.numbers.word}
          <input maxLength={longest.word} value={word} onInput={(event) => set({ word: event.currentTarget.value })} />
        </label>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <section class="scroll" tabIndex={0} aria-label={own.numbers.label}>
          <table class="text-table">
            <thead>
              <tr>
                <th scope="col">{own.numbers.character}</th>
                <th scope="col" class="number">
                  {own.numbers.id}
                </th>
                <th scope="col">{fill(own.numbers.oneHot, { n: size })}</th>
                <th scope="col">{fill(own.numbers.embedding, { n: lesson?.tokens[0]?.features.length ?? 0 })}</th>
              </tr>
            </thead>
            <tbody>
              {lesson?.tokens.map(({ text, id, features }, k) => (
                <tr key={k}>
                  <td>
                    <code>{visible(text)}</code>
                  </td>
                  <td class="number">{id}</td>
                  <td>
                    <div class="text-strip" style={{ background: stripes(oneHot(id, size), 1) }} />
                  </td>
                  <td>
                    <div class="text-strip" style={{ background: stripes(features, largest) }} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <p class="small soft">
          {rich(own.numbers.colours, {
            low: (inside) => <span class="text-key low">{inside}</span>,
            high: (inside) => <span class="text-key high">{inside}</span>,
          })}
        </p>
        {lesson !== undefined && <p class="small">{alikeness(lesson)}</p>}
      </div>
    </>
  );
}

/** How alike rows are, as numbers of this model: 1 for the same direction, 0 for none, −1 for the opposite. */
function alikeness({ alike: { capitals, vowels, letters } }: Lesson): string {
  if (![capitals, vowels, letters].every(Number.isFinite)) return "";
  return fill(own.numbers.alike, {
    capitals: written(capitals),
    vowels: written(vowels),
    letters: written(letters),
  });
}

const oneHot = (id: number, size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, k) => Number(k === id));

/** Numbers as stripes beside each other, the full colour where one is as large as `largest`. */
function stripes(values: Float32Array, largest: number): string {
  const stops = Array.from(values, (value, k) => {
    const share = Math.round((100 * Math.abs(value)) / largest);
    const colour = `color-mix(in srgb, var(${value < 0 ? "--low" : "--high"}) ${share}%, var(--zero))`;
    return `${colour} ${(100 * k) / values.length}% ${(100 * (k + 1)) / values.length}%`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** Spaces and line ends can be seen. */
const visible = (text: string): string => text.replaceAll(" ", "␣").replaceAll("\n", "↵");

type NextProps = {
  readonly model: OpenModel | undefined;
  /** The model's validation loss from its training, where that is known. */
  readonly keptBack: number | undefined;
};

function Next({ model, keptBack }: NextProps) {
  const [{ text }, set] = useShared(textKinds);
  const lesson = useLesson(model, text);
  return (
    <>
      <p>{rich(own.next.lead)}</p>
      <Symbols
        of={[
          ["x_t", own.next.symbols.x],
          ["\\operatorname{softmax}", own.next.symbols.softmax],
          ["\\log_2", own.next.symbols.log2],
          ["\\ln", own.next.symbols.ln],
        ]}
      />
      <label class="field text-prompt">
        {own.next.read}
        <input maxLength={longest.text} value={text} onInput={(event) => set({ text: event.currentTarget.value })} />
      </label>
      <div class="figure">
        <div class="card">
          {model !== undefined && lesson !== undefined && <Distribution {...{ model, text, lesson }} />}
        </div>
        <div class="card">{lesson !== undefined && <Surprise {...{ lesson, keptBack }} />}</div>
      </div>
    </>
  );
}

/** How many characters have a bar. */
const bars = 10;

type DistributionProps = { readonly model: OpenModel; readonly text: string; readonly lesson: Lesson };

function Distribution({ model, text, lesson: { logits, vocabulary } }: DistributionProps) {
  const [{ temperature }, set] = useShared(temperatureKinds);
  const source = { equations: `y = softmax(x / ${temperature.toFixed(2)})` };
  const goesOn = useSoon(() => model.ask("continuation", text, temperature), [model, text, temperature]);
  const { value: equations } = useAnswer("equations", source);
  const { value: traced } = useAnswer("trace", source, [[...logits]]);
  const probabilities = traced?.["y"]?.[0] ?? new Float32Array(logits.length);
  const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number));
  const of = (id: number): number => probabilities[id] ?? 0;
  const rest = order.slice(bars).reduce((sum, id) => sum + of(id), 0);
  const entropy = probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log2(p) : 0), 0);
  const rows = order.slice(0, bars).map((id) => [visible(vocabulary[id] as string), of(id)] as const);
  return (
    <>
      {equations !== undefined && <Formula display tex={equations.tex} />}
      <Slider
        label={own.next.temperature}
        value={temperature}
        {...temperatures}
        onInput={(temperature) => set({ temperature })}
      />
      <ol class="text-bars" aria-label={own.next.likeliest}>
        {[...rows, [own.next.others, rest] as const].map(([name, probability]) => (
          <li key={name}>
            {name === own.next.others ? <span class="soft small">{name}</span> : <code>{name}</code>}
            <span class="text-bar" style={{ width: `${100 * probability}%` }} />
            <span class="numbers small">{(100 * probability).toFixed(1)} %</span>
          </li>
        ))}
      </ol>
      <p class="small soft">{fill(own.next.entropy, { bits: entropy.toFixed(2), n: (2 ** entropy).toFixed(1) })}</p>
      <pre class="text-goes-on">
        <span class="soft">{text}</span>
        {goesOn}
      </pre>
    </>
  );
}

/** Where in its words this text costs most, in numbers. */
function told(tokens: Lesson["tokens"]): string {
  const { first, last } = costInWords(tokens);
  if (Number.isNaN(first + last)) return "";
  return fill(own.surprise.words, { first: first.toFixed(1), last: last.toFixed(1) });
}

/** Bits of each character that was read, and what their mean is called. */
function Surprise({
  lesson: { tokens, loss, vocabulary },
  keptBack,
}: Pick<NextProps, "keptBack"> & { readonly lesson: Lesson }) {
  const most = Math.max(8, ...tokens.map(({ bits = 0 }) => bits));
  return (
    <>
      <p class="text-about">{own.surprise.lead}</p>
      <div
        class="text-surprise"
        role="img"
        aria-label={fill(own.surprise.label, {
          bits: tokens
            .slice(1)
            .map(({ text, bits = 0 }) => `${visible(text)} ${bits.toFixed(1)}`)
            .join(", "),
        })}
      >
        {tokens.map(({ text, bits = 0 }, k) => (
          <span key={k} title={k === 0 ? "" : fill(own.surprise.bits, { n: bits.toFixed(2) })}>
            <span class="text-cost" style={{ height: `${(100 * bits) / most}%` }} />
            <code>{visible(text)}</code>
          </span>
        ))}
      </div>
      {Number.isNaN(loss) ? (
        <p class="small soft">{own.surprise.tooShort}</p>
      ) : (
        <p class="text-about unsure">
          {rich(own.surprise.unsure, {
            n: tokens.length - 1,
            perplexity: Math.exp(loss).toFixed(1),
            all: vocabulary.length,
          })}
        </p>
      )}
      {!Number.isNaN(loss) && (
        <table class="text-measures">
          <tbody>
            <tr>
              <th scope="row">{own.measures.loss.name}</th>
              <td class="number">{loss.toFixed(3)}</td>
              <td>{fill(own.measures.loss.about, { n: tokens.length - 1 })}</td>
            </tr>
            {keptBack !== undefined && (
              <tr class="kept-back">
                <th scope="row">{own.measures.validation.name}</th>
                <td class="number">{keptBack.toFixed(3)}</td>
                <td>{own.measures.validation.about}</td>
              </tr>
            )}
            <tr>
              <th scope="row">{own.measures.bits.name}</th>
              <td class="number">{(loss / Math.LN2).toFixed(3)}</td>
              <td>{own.measures.bits.about}</td>
            </tr>
            <tr>
              <th scope="row">{own.measures.perplexity.name}</th>
              <td class="number">{Math.exp(loss).toFixed(2)}</td>
              <td>{own.measures.perplexity.about}</td>
            </tr>
            <tr>
              <th scope="row" class="soft">
                {own.measures.nothing.name}
              </th>
              <td class="number">{Math.log2(vocabulary.length).toFixed(2)}</td>
              <td class="soft">{fill(own.measures.nothing.about, { n: vocabulary.length })}</td>
            </tr>
          </tbody>
        </table>
      )}
      <p class="small soft">
        {told(tokens)} {keptBack === undefined ? own.surprise.fewToldInLab : own.surprise.few}
      </p>
    </>
  );
}
