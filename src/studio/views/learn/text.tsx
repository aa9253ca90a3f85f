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
import { costInWords } from "./cost-in-words.ts";
import { Questions } from "./questions.tsx";
import { aNumber, aText, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import { units } from "./text-training.ts";
import { TextTraining } from "./text-training-view.tsx";
import "./text.css";

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
  const { value: model, error, retry } = useOpenModel(models && { id, name: "the model", load: () => loadFile(id) });
  return (
    <>
      <p>
        A network reads numbers, and a text is characters. So give each character a number, its <b>id</b>, and let the
        network guess the id that comes next. Nothing else is taught: spelling, quotation marks that close and sentences
        that end are all found on the way to better guesses. J. Elman did so with a small network and small sentences
        (1990), I. Sutskever and others wrote text by characters (2011), A. Graves with LSTMs (2013).
      </p>
      <h2>Train one</h2>
      <p>
        Below an LSTM of {units} units starts from random weights, in this page. Watch its samples: first it finds the
        frequent letters and the spaces, then short words, then longer ones. Stop it when you like; what it has learned
        by then is kept, and the pictures below use it.
      </p>
      <TextTraining onKept={choose} />
      <div class="text-models">
        <label class="field">
          Model of the pictures below
          <select value={id} onChange={(event) => choose(event.currentTarget.value)}>
            {models?.map((model) => (
              <option key={model.id} value={model.id}>
                {model.name}
              </option>
            ))}
            <option value={untrained}>One that is not trained yet</option>
          </select>
        </label>
      </div>
      {error !== undefined && <Failed error={error} onRetry={retry} />}
      <h2>From characters to numbers</h2>
      <AsNumbers model={model} />
      <h2>What comes next, and how surely</h2>
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
      <p>
        An id says nothing about its character: <i>b</i> is not between <i>a</i> and <i>c</i> in any way that matters.
        As a list, <b>one hot</b>, it is a 1 in its own place among as many zeros as there are other characters. A table
        of weights times such a list would only pick out the weights that stand at the 1. So nobody multiplies: the{" "}
        <b>embedding</b> is a table with a row of numbers for each character, and the id says which row. The rows begin
        as random numbers and are trained like all weights. Characters that behave alike, as capital and small letters
        or vowels do, can come to have rows that are alike: how far this model has come stands below.
      </p>
      <div class="card">
        <label class="field text-word">
          A word
          <input maxLength={longest.word} value={word} onInput={(event) => set({ word: event.currentTarget.value })} />
        </label>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <section class="scroll" tabIndex={0} aria-label="Characters as numbers">
          <table class="text-table">
            <thead>
              <tr>
                <th scope="col">character</th>
                <th scope="col" class="number">
                  id
                </th>
                <th scope="col">one hot, {size} numbers</th>
                <th scope="col">embedding, {lesson?.tokens[0]?.features.length ?? 0} numbers</th>
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
          Colours: <span class="text-key low">below zero</span>, <span class="text-key high">above zero</span>. A letter
          that occurs twice has the same row twice: what stands around it is the LSTM's affair, not the table's.
        </p>
        {lesson !== undefined && <p class="small">{alikeness(lesson)}</p>}
      </div>
    </>
  );
}

/** How alike rows are, as numbers of this model: 1 for the same direction, 0 for none, −1 for the opposite. */
function alikeness({ alike: { capitals, vowels, letters } }: Lesson): string {
  if (![capitals, vowels, letters].every(Number.isFinite)) return "";
  return (
    `How alike the rows of this model are, from −1 to 1: a letter and its capital ${written(capitals)}, two vowels ` +
    `${written(vowels)}, any two letters ${written(letters)}.`
  );
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
      <p>
        After each character the last layer gives one number for each character that there is, the <b>logits</b>. The{" "}
        <b>softmax</b> makes probabilities of them: e to the power of each, divided by their sum. To write is to draw
        one, read it as the next input, and go on. The <b>temperature</b> T divides the logits before: below 1 the
        likely becomes likelier, near 0 the first always wins, above 1 all come closer together. The order never
        changes.
      </p>
      <Symbols
        of={[
          ["x_t", "The logits: one number for each character."],
          ["\\operatorname{softmax}", "Makes of them numbers above 0 that add up to 1: probabilities."],
          ["\\log_2", "How often 1 must be doubled: log₂ 8 is 3, and −log₂ of one in eight is 3, too."],
          ["\\ln", "The same for the number e = 2.718… in place of 2. A nat is 1.44 bits."],
        ]}
      />
      <label class="field text-prompt">
        What was read so far
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
        label="temperature T"
        value={temperature}
        {...temperatures}
        onInput={(temperature) => set({ temperature })}
      />
      <ol class="text-bars" aria-label="The likeliest next characters">
        {[...rows, ["others", rest] as const].map(([name, probability]) => (
          <li key={name}>
            {name === "others" ? <span class="soft small">{name}</span> : <code>{name}</code>}
            <span class="text-bar" style={{ width: `${100 * probability}%` }} />
            <span class="numbers small">{(100 * probability).toFixed(1)} %</span>
          </li>
        ))}
      </ol>
      <p class="small soft">
        The entropy is {entropy.toFixed(2)} bits: as unsure as a fair choice among {(2 ** entropy).toFixed(1)}{" "}
        characters. At this temperature the text could go on so:
      </p>
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
  return `In this text the first letter of a word costs ${first.toFixed(1)} bits in the mean, the last one ${last.toFixed(1)}.`;
}

/** Bits of each character that was read, and what their mean is called. */
function Surprise({
  lesson: { tokens, loss, vocabulary },
  keptBack,
}: Pick<NextProps, "keptBack"> & { readonly lesson: Lesson }) {
  const most = Math.max(8, ...tokens.map(({ bits = 0 }) => bits));
  return (
    <>
      <p class="text-about">
        Each character costs as many bits as it surprises: −log₂ of the probability that it had. A fair coin costs 1.
      </p>
      <div
        class="text-surprise"
        role="img"
        aria-label={`Bits: ${tokens
          .slice(1)
          .map(({ text, bits = 0 }) => `${visible(text)} ${bits.toFixed(1)}`)
          .join(", ")}`}
      >
        {tokens.map(({ text, bits = 0 }, k) => (
          <span key={k} title={k === 0 ? "" : `${bits.toFixed(2)} bits`}>
            <span class="text-cost" style={{ height: `${(100 * bits) / most}%` }} />
            <code>{visible(text)}</code>
          </span>
        ))}
      </div>
      {Number.isNaN(loss) ? (
        <p class="small soft">Write at least two characters.</p>
      ) : (
        <p class="text-about unsure">
          In one sentence: in the mean over these {tokens.length - 1} characters the model was as unsure as between{" "}
          <b>{Math.exp(loss).toFixed(1)}</b> characters that are equally likely. Whoever knows nothing has to choose
          between {vocabulary.length}. The table says the same in the four ways that you will meet:
        </p>
      )}
      {!Number.isNaN(loss) && (
        <table class="text-measures">
          <tbody>
            <tr>
              <th scope="row">loss</th>
              <td class="number">{loss.toFixed(3)}</td>
              <td>mean nats, −ln p, of these {tokens.length - 1} characters</td>
            </tr>
            {keptBack !== undefined && (
              <tr class="kept-back">
                <th scope="row">validation loss</th>
                <td class="number">{keptBack.toFixed(3)}</td>
                <td>nats: measured on text that it was not trained on</td>
              </tr>
            )}
            <tr>
              <th scope="row">bits per character</th>
              <td class="number">{(loss / Math.LN2).toFixed(3)}</td>
              <td>loss / ln 2: the mean of the bars</td>
            </tr>
            <tr>
              <th scope="row">perplexity</th>
              <td class="number">{Math.exp(loss).toFixed(2)}</td>
              <td>e to the loss: as if it chose among so many</td>
            </tr>
            <tr>
              <th scope="row" class="soft">
                knowing nothing
              </th>
              <td class="number">{Math.log2(vocabulary.length).toFixed(2)}</td>
              <td class="soft">bits, a perplexity of {vocabulary.length}: all are as likely</td>
            </tr>
          </tbody>
        </table>
      )}
      <p class="small soft">
        {told(tokens)} So few characters say little of a model: its loss on a text that was kept back from the training
        does{keptBack === undefined && ", which the Lab tells of each run"}. Perplexities of models with other tokens
        cannot be compared; bits per character can.
      </p>
    </>
  );
}
