/** The Music view: a model of music writes note by note; what it writes is seen with the gates under it, heard, and saved. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Address, go, linkTo, type View } from "../../address.ts";
import { Slider } from "../../components/slider.tsx";
import type { MusicFacts } from "../../engine/composing.ts";
import { useNewest } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithTaskModel } from "../../models/task-models.tsx";
import { BeginningChoice, opened, pieceOfKeys, velocity } from "./beginning.tsx";
import { FilesSaid, useDropped, useMusicFiles } from "./files.tsx";
import "./music.css";
import { fill, texts } from "../../texts/texts.ts";
import { useSynth } from "./playing.ts";
import { bounds, type Plan, planOf, problemsOf, queryOf, usual } from "./settings.ts";
import { TrainMusic } from "./training.tsx";
import { useWriter } from "./writer.ts";
import { WrittenMusic } from "./written.tsx";

const own = texts.music;

type Query = Address["query"];

const Music: View = ({ address }) => {
  const { path, query } = address;
  const [id] = path;
  // Beside a model files are what it goes on from; without one they are what is learnt.
  const [dropped, setDropped] = useState<readonly File[]>();
  const taken = (): void => setDropped(undefined);
  return (
    <>
      <h1>{own.title}</h1>
      <p class="soft">{own.lead}</p>
      <WithTaskModel
        address={address}
        what={own.what}
        command="unrolled music FOLDER --out model.safetensors"
        onOther={setDropped}
      >
        {(model) => <Opened key={model.id} {...{ model, query, dropped }} onTaken={taken} />}
      </WithTaskModel>
      {id === undefined ? (
        <TrainMusic dropped={dropped} onTaken={taken} />
      ) : (
        <p>
          <a href={linkTo("music")}>{own.another}</a>
        </p>
      )}
    </>
  );
};
export default Music;

type OpenedProps = {
  readonly model: OpenModel;
  readonly query: Query;
  readonly dropped: readonly File[] | undefined;
  readonly onTaken: () => void;
};

function Opened(props: OpenedProps) {
  const { model } = props;
  const { value: facts, error } = useNewest(() => model.ask("musicFacts"), model.id);
  if (error !== undefined) {
    return (
      <p class="error" role="alert">
        {error}
      </p>
    );
  }
  return facts === undefined ? null : <Composing {...props} facts={facts} />;
}

const anySeed = (): number => Math.floor(Math.random() * 10_000);
/** The form: numbers as they are typed. */
type Form = Readonly<Record<"length" | "seed", string>> & Omit<Plan, "length" | "seed">;
const formOf = (query: Query): Form => {
  const { length, temperature, seed, hold, keys, from } = planOf({
    ...query,
    seed: query.seed ?? String(anySeed()),
  }) ?? {
    ...{ ...usual, seed: anySeed(), hold: [], keys: [], from: undefined },
  };
  return { length: String(length), seed: String(seed), temperature, hold, keys, from };
};

function Composing({ model, query, facts, dropped, onTaken }: OpenedProps & { readonly facts: MusicFacts }) {
  const [form, setForm] = useState(() => formOf(query));
  const change = (changed: Partial<Form>): void => setForm({ ...form, ...changed });
  useEffect(() => setForm(formOf(query)), [JSON.stringify(query)]);
  const [volume, setVolume] = useState(0.7);
  const synth = useSynth(volume);
  const [problem, setProblem] = useState("");
  const pieces = opened.use();
  const files = useMusicFiles((read) => {
    const others = opened.get().filter(({ name }) => read.every((one) => one.name !== name));
    opened.set([...others, ...read]);
    setForm((form) => ({ ...form, keys: [], from: read[0]?.name }));
  });
  useDropped(dropped, onTaken, files.read);
  const plan = planOf(query);
  const primed = pieces.find(({ name }) => name === plan?.from);
  const isGone = plan?.from !== undefined && primed === undefined;
  const question =
    plan === undefined || isGone
      ? undefined
      : {
          ...{ length: plan.length, temperature: plan.temperature, seed: plan.seed, hold: plan.hold },
          prime: primed?.piece ?? (plan.keys.length > 0 ? pieceOfKeys(plan.keys, facts.stepsPerQuarter) : undefined),
        };
  // Another file may have the name of one before.
  const primer = useMemo(() => JSON.stringify(primed?.piece), [primed]);
  const key = JSON.stringify([model.id, plan, primer]);
  const { written, error, stop } = useWriter(model, facts, question, key);
  const typed = { length: form.length, seed: form.seed };
  const wrong = problemsOf(typed);
  const write = (changed: Partial<Form> = {}): void => {
    const next = { ...form, ...changed };
    setForm(next);
    go(linkTo("music", [model.id], queryOf({ ...next, length: Number(next.length), seed: Number(next.seed) })));
  };
  const sound = (pitch: number): void => {
    setProblem("");
    try {
      const { now, play } = synth();
      play({ pitch, velocity, at: now() + 0.01, seconds: 0.35 });
    } catch (error) {
      setProblem(fill(own.noSound, { problem: messageOf(error) }));
    }
  };
  const writing = written !== undefined && !written.ended;
  const linked = problemsOf(query);
  return (
    <>
      <form
        class="card writing"
        onSubmit={(event) => {
          event.preventDefault();
          write();
        }}
      >
        <BeginningChoice onFiles={files.read} value={form} onChange={change} onSound={sound} />
        <div class="numbers-of">
          <Slider
            label={bounds.temperature.label}
            value={form.temperature}
            {...{ min: bounds.temperature.min, max: bounds.temperature.max, step: bounds.temperature.step }}
            onInput={(temperature) => change({ temperature })}
          />
          <div class="row">
            {(["length", "seed"] as const).map((name) => (
              <label key={name} class="field">
                {bounds[name].label}
                <input
                  type="number"
                  {...{ min: bounds[name].min, max: bounds[name].max, step: 1, required: true }}
                  value={form[name]}
                  onInput={({ currentTarget: { value } }) => change({ [name]: value })}
                />
              </label>
            ))}
          </div>
          <div class="row">
            <button type="submit" class="main" disabled={wrong.length > 0}>
              {own.write}
            </button>
            <button type="button" disabled={wrong.length > 0} onClick={() => write({ seed: String(anySeed()) })}>
              {own.writeAnother}
            </button>
            {writing && (
              <button type="button" onClick={stop}>
                {own.stop}
              </button>
            )}
          </div>
          <p class="small soft numbers" role="status">
            {written === undefined
              ? ""
              : writing
                ? fill(own.writing, { step: written.steps, of: written.of })
                : fill(own.notes, {
                    n: written.notes.length,
                    quarters: Number((written.steps / facts.stepsPerQuarter).toFixed(2)),
                  })}
          </p>
        </div>
      </form>
      <FilesSaid {...files.told} />
      {[
        wrong.join(" "),
        linked.length > 0 ? fill(own.badLink, { problems: linked.join(" ") }) : "",
        isGone && plan.from !== undefined ? fill(own.gone, { name: plan.from }) : "",
        problem,
        error ?? "",
      ]
        .filter((line) => line !== "")
        .map((line) => (
          <p key={line} class="error" role="alert">
            {line}
          </p>
        ))}
      {written !== undefined && written.of > 0 && (
        <WrittenMusic
          {...{ written, facts, synth, volume }}
          onVolume={setVolume}
          name={`${model.name}-${plan?.seed}`}
        />
      )}
    </>
  );
}
