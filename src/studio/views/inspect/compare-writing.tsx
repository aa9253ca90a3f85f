/** What two models write from the same beginning, with the same seed. */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import type { GeneratedToken } from "../../../tasks/generate.ts";
import { unixLineEnds } from "../../../text/line-ends.ts";
import { ColouredText } from "../../components/coloured-text.tsx";
import { shadeOf, useRamp } from "../../components/heat.ts";
import { written } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { Slider } from "../../components/slider.tsx";
import { useRounds } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.inspect.compare.writing;

export type CompareWritingProps = {
  readonly models: readonly [OpenModel, OpenModel];
  /** The settings of the view in a link: prompt, seed, temperature and length; nothing is written without a seed. */
  readonly start: Readonly<Record<string, string>>;
  readonly onView: (view: Readonly<Record<string, string>>) => void;
};

type Settings = {
  readonly prompt: string;
  readonly seed: number;
  readonly temperature: number;
  readonly length: number;
};

/** As the fields have them. */
type Form = Omit<Settings, "seed" | "length"> & Readonly<Record<"seed" | "length", string>>;

const bounds = { seed: [0, 2 ** 32 - 1], length: [1, 5000], temperature: [0, 2] } as const;
const usual: Settings = { prompt: "Call me", seed: 1, temperature: 0.8, length: 300 };

/** The settings of a link; numbers that are none, or out of range, are the usual ones. */
function settingsOf(start: Readonly<Record<string, string>>): Settings {
  const number = (name: keyof typeof bounds): number => {
    const [least, most] = bounds[name];
    const value = Number(start[name] || Number.NaN);
    const isRight = value >= least && value <= most && (name === "temperature" || Number.isInteger(value));
    return isRight ? value : usual[name];
  };
  return {
    prompt: unixLineEnds(start.prompt ?? usual.prompt),
    ...{ seed: number("seed"), temperature: number("temperature"), length: number("length") },
  };
}

/** The strongest colour, in bits. */
const strongestBits = 8;

export function CompareWriting({ models, start, onView }: CompareWritingProps) {
  const id = useId();
  const [form, setForm] = useState((): Form => {
    const { seed, length, ...rest } = settingsOf(start);
    return { ...rest, seed: String(seed), length: String(length) };
  });
  const [asked, setAsked] = useState<Settings | undefined>(() =>
    start.seed === undefined ? undefined : settingsOf(start),
  );
  const change = (changed: Partial<Form>): void => setForm({ ...form, ...changed });
  useEffect(() => {
    if (asked === undefined) return;
    const { prompt, seed, temperature, length } = asked;
    onView({ prompt, seed: String(seed), temperature: String(temperature), length: String(length) });
  }, [asked]);
  return (
    <section aria-labelledby={`${id}-title`} class="compare-writing">
      <h2 id={`${id}-title`}>{own.title}</h2>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked({ ...form, seed: Number(form.seed), length: Number(form.length) });
        }}
      >
        <label class="field">
          {own.prompt}
          <input
            type="text"
            maxLength={500}
            value={form.prompt}
            onInput={(event) => change({ prompt: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          {own.seed}
          <input
            type="number"
            required
            step={1}
            min={bounds.seed[0]}
            max={bounds.seed[1]}
            value={form.seed}
            onInput={(event) => change({ seed: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          {own.length}
          <input
            type="number"
            required
            step={1}
            min={bounds.length[0]}
            max={bounds.length[1]}
            value={form.length}
            onInput={(event) => change({ length: event.currentTarget.value })}
          />
        </label>
        <Slider
          label={own.temperature}
          value={form.temperature}
          min={bounds.temperature[0]}
          max={bounds.temperature[1]}
          step={0.05}
          onInput={(temperature) => change({ temperature })}
        />
        <button type="submit" class="main">
          {own.write}
        </button>
      </form>
      <p class="soft small">{own.about}</p>
      {asked !== undefined && (
        <>
          <div class="figure">
            {models.map((model) => (
              <Written key={model.id} model={model} settings={asked} />
            ))}
          </div>
          <RampLegend low="0" high={fill(own.strongest, { bits: strongestBits })} gate />
        </>
      )}
    </section>
  );
}

type WrittenProps = { readonly model: OpenModel; readonly settings: Settings };
const none: readonly GeneratedToken[] = [];

function Written({ model, settings }: WrittenProps) {
  const id = useId();
  const ramp = useRamp();
  const [chosen, setChosen] = useState<number>();
  const [pointed, setPointed] = useState<number>();
  const { tokens, ended, error } = useWriting(model, settings);
  const texts = useMemo(() => tokens.map(({ text }) => text), [tokens]);
  const bitsAt = (place: number): number => -(tokens[place]?.logProbability ?? 0) / Math.LN2;
  const shade = useMemo(() => (place: number) => shadeOf(bitsAt(place), strongestBits), [tokens]);
  const at = pointed ?? chosen;
  const mean = tokens.reduce((sum, _, place) => sum + bitsAt(place), 0) / Math.max(1, tokens.length);
  return (
    <section aria-labelledby={id}>
      <h3 id={id}>{fill(own.model, { name: model.name })}</h3>
      <ColouredText
        label={fill(own.text, { name: model.name })}
        describedBy={`${id}-told`}
        before={settings.prompt}
        tokens={texts}
        ramp={ramp}
        shade={shade}
        at={chosen}
        onChoose={setChosen}
        onPoint={setPointed}
        follow={!ended}
      />
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <p id={`${id}-told`} class="soft small numbers" role="status">
        {error === undefined &&
          (!ended
            ? own.writing
            : at === undefined
              ? fill(own.written, { tokens: tokens.length, bits: written(mean) })
              : fill(own.token, { place: at + 1, bits: written(bitsAt(at)) }))}
      </p>
    </section>
  );
}

type Writing = { readonly tokens: readonly GeneratedToken[]; readonly ended: boolean; readonly error?: string };

/** The text of one model; other settings begin a new one. */
function useWriting(model: OpenModel, settings: Settings): Writing {
  const { round, tell: tellOfDeath } = useRounds();
  const [writing, setWriting] = useState<Writing>({ tokens: none, ended: false });
  useEffect(() => {
    let left = false;
    const tell = (next: Writing): void => {
      if (!left) setWriting(next);
    };
    const work = async (): Promise<void> => {
      const { length, ...drawn } = settings;
      let tokens = none;
      tell({ tokens, ended: false });
      for await (const piece of model.run("write", drawn)) {
        tokens = [...tokens, ...piece].slice(0, length);
        if (left || tokens.length === length) break;
        tell({ tokens, ended: false });
      }
      tell({ tokens, ended: true });
    };
    work().catch((error: Error) => {
      tell({ tokens: none, ended: true, error: error.message });
      if (!left) tellOfDeath(error);
    });
    return () => {
      left = true;
    };
  }, [model, settings, round]);
  return writing;
}
