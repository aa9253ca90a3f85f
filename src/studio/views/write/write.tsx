/** The Write view: a model continues a prompt, and every token shows its alternatives. */
import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { GeneratedToken, LikelyToken } from "../../../tasks/generate.ts";
import { go, linkTo, type View } from "../../address.ts";
import { ColouredText } from "../../components/coloured-text.tsx";
import { named, shadeOf, useRamp, visible } from "../../components/heat.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { Slider } from "../../components/slider.tsx";
import { TextArea } from "../../components/text-area.tsx";
import { type LikelyText, percent, TokenBars } from "../../components/token-bars.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { WritingSettings } from "../../engine/writing.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithModel } from "../../models/picker.tsx";
import { bounds, type Plan, planOf, problemsOf, queryOf, usual } from "./settings.ts";
import { type Known, nameOf, takenAt, useWriter } from "./writer.ts";
import "./write.css";
import { fill, texts } from "../../texts/texts.ts";

const words = texts.write;
const own = words.settings;

/** The settings in a link that apply to every model. */
const carried = ["prompt", "length", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "seed"];

const Write: View = ({ address }) => (
  <>
    <h1>{words.title}</h1>
    <p class="soft">{words.lead}</p>
    <WithModel address={address} carried={carried}>
      {(model) => <Opened key={model.id} model={model} query={address.query} />}
    </WithModel>
  </>
);
export default Write;

/** The strongest colour, in bits: less likely than 1 in 256. */
const strongestBits = 8;
const bitsOf = ({ logProbability }: LikelyToken): number => -logProbability / Math.LN2;

type OpenedProps = { readonly model: OpenModel; readonly query: Readonly<Record<string, string>> };

function Opened({ model, query }: OpenedProps) {
  const asked = planOf(query);
  const problems = problemsOf(query);
  const plan = problems.length === 0 ? asked : undefined;
  const known = useRef<Known | undefined>(undefined);
  const { tokens, ended, tokensPerSecond, error } = useWriter(model, plan, known);
  const [form, setForm] = useState<Form>(() => formOf(asked));
  const name = asked === undefined ? undefined : nameOf(asked);
  // Before the reader can change it.
  useLayoutEffect(() => {
    if (asked !== undefined) setForm(formOf(asked));
  }, [name]);
  const show = (next: Plan, options?: { readonly replace: boolean }): void =>
    go(linkTo("write", [model.id], queryOf(next)), options);
  const setLength = (length: number): void => {
    if (plan !== undefined) show({ ...plan, length }, { replace: true });
  };

  const length = plan?.length ?? 0;
  const shown = useMemo(() => tokens.slice(0, length), [tokens, length]);
  const writing = error === undefined && !ended && tokens.length < length;
  const how = ended ? words.ended : length >= bounds.length.max ? words.largest : words.tokens;
  const take = (place: number, token: number): void => {
    if (plan === undefined) return;
    const choice = { place, token };
    const choices = [...plan.choices.filter((other) => other.place < place), choice];
    const next = { ...plan, choices, length: Math.max(length, place + 1) };
    const before = tokens.slice(0, place);
    known.current = { name: nameOf(next), tokens: [...before, takenAt(tokens[place] as GeneratedToken, choice)] };
    show(next);
  };
  return (
    <div class="writing">
      <Settings model={model} form={form} onForm={setForm} onWrite={show} />
      {problems.length > 0 && (
        <p class="error" role="alert">
          {fill(words.badLink, { problems: problems.join(" ") })}
        </p>
      )}
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {plan !== undefined && (
        <>
          <div class="row">
            <button type="button" disabled={!writing} onClick={() => setLength(shown.length)}>
              {words.stop}
            </button>
            <button
              type="button"
              disabled={writing || ended || error !== undefined || length >= bounds.length.max}
              onClick={() => setLength(Math.min(bounds.length.max, length + Math.max(1, Number(form.length))))}
            >
              {words.goOn}
            </button>
            <CopyButton text={plan.settings.prompt + shown.map(({ text }) => text).join("")} />
            <p class="numbers small soft progress" role="status">
              {writing ? words.writing : error === undefined ? fill(how, { n: shown.length.toLocaleString("en") }) : ""}
            </p>
            {tokensPerSecond !== undefined && (
              <p class="numbers small soft progress">
                {fill(words.speed, { n: Math.round(tokensPerSecond).toLocaleString("en") })}
              </p>
            )}
          </div>
          <Text
            key={JSON.stringify(plan.settings)}
            prompt={plan.settings.prompt}
            tokens={shown}
            writing={writing}
            onTake={take}
          />
        </>
      )}
    </div>
  );
}

type TextProps = {
  readonly prompt: string;
  readonly tokens: readonly GeneratedToken[];
  readonly writing: boolean;
  readonly onTake: (place: number, token: number) => void;
};

function Text({ prompt, tokens, writing, onTake }: TextProps) {
  const id = useId();
  const ramp = useRamp();
  const [chosen, setChosen] = useState<number>();
  const [pointed, setPointed] = useState<number>();
  const texts = useMemo(() => tokens.map(({ text }) => text), [tokens]);
  const shade = useMemo(
    () => (place: number) => shadeOf(bitsOf(tokens[place] as GeneratedToken), strongestBits),
    [tokens],
  );
  const at = pointed ?? chosen;
  const token = at === undefined ? undefined : tokens[at];
  return (
    <div class="beside-text">
      <section aria-labelledby={`${id}-text`}>
        <h2 id={`${id}-text`}>{words.text.title}</h2>
        <ColouredText
          label={words.text.label}
          describedBy={id}
          before={prompt}
          tokens={texts}
          ramp={ramp}
          shade={shade}
          at={chosen}
          onChoose={setChosen}
          onPoint={setPointed}
          follow={writing}
        />
        <p>
          <RampLegend low="0" high={fill(words.text.surprise, { bits: strongestBits })} gate />
        </p>
      </section>
      <section aria-labelledby={`${id}-others`}>
        <h2 id={`${id}-others`}>{words.text.others}</h2>
        <p id={id} class="soft small" role="status">
          {token === undefined || at === undefined
            ? words.text.hint
            : fill(words.text.token, {
                ...{ token: visible(token.name), n: (at + 1).toLocaleString("en") },
                ...{ probability: percent(Math.exp(token.logProbability)), bits: bitsOf(token).toFixed(2) },
              })}
        </p>
        {token !== undefined && at !== undefined && (
          <TokenBars
            tokens={alternativesOf(token)}
            present={token.token}
            onTake={({ token: taken }) => {
              setChosen(at);
              onTake(at, taken);
            }}
          />
        )}
      </section>
    </div>
  );
}

/** The most likely tokens of a position, and the current token if it is not one of them. */
function alternativesOf(there: GeneratedToken): readonly LikelyText[] {
  const { alternatives } = there;
  const all = alternatives.some(({ token }) => token === there.token) ? alternatives : [...alternatives, there];
  // After a prompt that can end within a token, a token can occur in two ways: the more likely one is offered.
  const each = all.filter(({ token }, k) => all.findIndex((other) => other.token === token) === k);
  return each.map(({ name, token, logProbability }) => ({ text: name, token, probability: Math.exp(logProbability) }));
}

/** The fields of the form; "" for an absent number. */
type Form = Omit<WritingSettings, "topK" | "seed"> & Readonly<Record<"length" | "topK" | "seed", string>>;

const range = (name: keyof typeof bounds) => ({ min: bounds[name].min, max: bounds[name].max });
const anySeed = (): number => Math.floor(Math.random() * 10_000);

function formOf(plan: Plan | undefined): Form {
  const { settings, length } = plan ?? {
    settings: { prompt: "Call me", temperature: usual.temperature, seed: anySeed() },
    length: usual.length,
  };
  const { seed, topK = "", ...rest } = settings;
  return { ...rest, length: String(length), seed: String(seed), topK: String(topK) };
}

/** Settings without effect are left out. */
function planFrom({ length, seed, topK, topP = 1, minP = 0, repetitionPenalty = 1, ...rest }: Form): Plan {
  const settings = {
    ...{ ...rest, seed: Number(seed) },
    ...(topK !== "" && { topK: Number(topK) }),
    ...(topP < 1 && { topP }),
    ...(minP > 0 && { minP }),
    ...(repetitionPenalty !== 1 && { repetitionPenalty }),
  };
  return { settings, choices: [], length: Number(length) };
}

type SettingsProps = {
  readonly model: OpenModel;
  readonly form: Form;
  readonly onForm: (form: Form) => void;
  readonly onWrite: (plan: Plan) => void;
};

function Settings({ model, form, onForm, onWrite }: SettingsProps) {
  const { prompt, temperature, topP = 1, minP = 0, repetitionPenalty = 1 } = form;
  const change = (changed: Partial<Form>): void => onForm({ ...form, ...changed });
  const { value: unknown = [] } = useNewest(() => model.ask("unknownTo", prompt), JSON.stringify([model.id, prompt]));
  return (
    <form
      class="settings card"
      onSubmit={(event) => {
        event.preventDefault();
        onWrite(planFrom(form));
      }}
    >
      <div class="prompt">
        <TextArea label={own.prompt} rows={3} most={5000} value={prompt} onText={(prompt) => change({ prompt })} />
        {unknown.length > 0 && (
          <p class="small" role="status">
            {fill(unknown.length > 20 ? own.unknownMore : own.unknown, {
              ...{ characters: unknown.slice(0, 20).map(named).join(" "), n: unknown.length - 20 },
            })}
          </p>
        )}
        <div class="row">
          <button type="submit" class="main">
            {own.write}
          </button>
          <button
            type="button"
            onClick={() => {
              const other = { ...form, seed: String(anySeed()) };
              onForm(other);
              onWrite(planFrom(other));
            }}
          >
            {own.another}
          </button>
        </div>
      </div>
      <div class="numbers-of">
        <Slider
          label={own.labels.temperature}
          value={temperature}
          {...range("temperature")}
          step={0.05}
          onInput={(temperature) => change({ temperature })}
        />
        <Slider
          label={own.labels.topP}
          value={topP}
          {...range("top-p")}
          step={0.05}
          onInput={(topP) => change({ topP })}
        />
        <Slider
          label={own.labels.minP}
          value={minP}
          {...range("min-p")}
          step={0.01}
          onInput={(minP) => change({ minP })}
        />
        <Slider
          label={own.labels.repetitionPenalty}
          value={repetitionPenalty}
          {...range("repetition-penalty")}
          step={0.05}
          onInput={(repetitionPenalty) => change({ repetitionPenalty })}
        />
        <div class="row">
          <label class="field">
            {own.labels.length}
            <input
              type="number"
              min={1}
              max={bounds.length.max}
              step={1}
              required
              value={form.length}
              onInput={(event) => change({ length: event.currentTarget.value })}
            />
          </label>
          <label class="field">
            {own.labels.topK}
            <input
              type="number"
              min={1}
              step={1}
              placeholder={own.all}
              value={form.topK}
              onInput={(event) => change({ topK: event.currentTarget.value })}
            />
          </label>
          <label class="field">
            {own.labels.seed}
            <input
              type="number"
              min={0}
              max={bounds.seed.max}
              step={1}
              required
              value={form.seed}
              onInput={(event) => change({ seed: event.currentTarget.value })}
            />
          </label>
        </div>
      </div>
    </form>
  );
}

function CopyButton({ text }: { readonly text: string }) {
  const [said, setSaid] = useState("");
  return (
    <>
      <button
        type="button"
        onClick={() => {
          // Without https there is no clipboard.
          const copied = navigator.clipboard?.writeText(text) ?? Promise.reject();
          copied.then(
            () => setSaid(words.copy.done),
            () => setSaid(words.copy.refused),
          );
        }}
      >
        {words.copy.copy}
      </button>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </>
  );
}
