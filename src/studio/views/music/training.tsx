/** Train a small model of music here, on tunes that the page makes or on the reader's files. */
import { useEffect, useState } from "preact/hooks";
import type { MusicForm } from "../../../tasks/music/settings.ts";
import type { MusicEpoch } from "../../../tasks/music/train.ts";
import { go, linkTo } from "../../address.ts";
import { titlesOf } from "../../components/choice.tsx";
import { engine } from "../../engine/engine.ts";
import { freeName } from "../../models/free-name.ts";
import { type EpochReport, LiveEpochs } from "../../models/live-epochs.tsx";
import { useModels } from "../../models/model-store.ts";
import { createTaskTraining } from "../../models/task-training.ts";
import { createShared } from "../../shared.ts";
import { fill, texts } from "../../texts/texts.ts";
import { FilesSaid, MusicFileButton, useDropped, useMusicFiles } from "./files.tsx";
import { said } from "./messages.ts";
import { type ExampleName, examples } from "./tunes.ts";

const own = texts.music.training;

type OwnPieces = Awaited<ReturnType<typeof readExample>>;
/** The reader's pieces; they stay while views come and go. */
const ownPieces = createShared<OwnPieces>([]);

const trainer = createTaskTraining<MusicEpoch, { readonly bytes: Uint8Array<ArrayBuffer> }>({
  kind: "music",
  title: "a model of music",
});

/** Of few tunes, many updates make the better model of rolls; of events it begins more surely from silence with fewer. */
const forms: Readonly<Record<MusicForm, { readonly title: string; readonly batchSize: number }>> = {
  events: { title: own.forms.events, batchSize: 16 },
  roll: { title: own.forms.roll, batchSize: 4 },
};
const fixed = { cell: "gru", dropout: 0, steps: 32, learningRate: 0.01 } as const;
/** The numbers of a training, with their bounds. */
const numbers = {
  stepsPerQuarter: { label: own.numbers.stepsPerQuarter, min: 1, max: 24, usual: 2 },
  units: { label: own.numbers.units, min: 1, max: 512, usual: 64 },
  epochs: { label: own.numbers.epochs, min: 1, max: 500, usual: 30 },
  transpose: { label: own.numbers.transpose, min: 0, max: 12, usual: 0 },
  seed: { label: own.numbers.seed, min: 0, max: 2 ** 32 - 1, usual: 1 },
} as const;
type NumberName = keyof typeof numbers;
const names = Object.keys(numbers) as NumberName[];
const usualTexts = Object.fromEntries(names.map((name) => [name, String(numbers[name].usual)])) as Readonly<
  Record<NumberName, string>
>;

const readExample = async (name: ExampleName) => {
  const bytes = new TextEncoder().encode(examples[name].make());
  return (await engine().ask("readMusic", [{ name: `${name}.abc`, bytes }], false)).pieces;
};

type TrainMusicProps = { readonly dropped: readonly File[] | undefined; readonly onTaken: () => void };

export function TrainMusic({ dropped, onTaken }: TrainMusicProps) {
  const mine = ownPieces.use();
  const files = useMusicFiles(ownPieces.set);
  useDropped(dropped, onTaken, files.read);
  const models = useModels() ?? [];
  const { running, trained, failed } = trainer.use();
  const [data, setData] = useState<ExampleName | "own">("jigs");
  const [form, setForm] = useState<MusicForm>("events");
  const [texts, setTexts] = useState(usualTexts);
  const [problem, setProblem] = useState("");
  // Files that were just read are what is meant.
  useEffect(() => {
    if (mine.length > 0) setData("own");
  }, [mine]);
  useEffect(() => {
    if (trained === undefined || trained.isShown) return;
    trainer.showed();
    go(linkTo("music", [trained.id]));
  }, [trained]);
  const wrong = names.flatMap((name) => {
    const { label, min, max } = numbers[name];
    const value = Number(texts[name]);
    if (texts[name].trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return [];
    return fill(own.notWhole, { label, min, max: max.toLocaleString("en") });
  });
  const train = async (): Promise<void> => {
    setProblem("");
    try {
      const pieces = (data === "own" ? mine : await readExample(data)).map(({ piece }) => piece);
      const settings = Object.fromEntries(names.map((name) => [name, Number(texts[name])])) as Record<
        NumberName,
        number
      >;
      const title = data === "own" ? (mine[0]?.name.replace(/\.\w+(:\d+)?$/, "") ?? "music") : data;
      const name = freeName(
        `${title}, ${form}`,
        models.map((model) => model.name),
      );
      const { batchSize } = forms[form];
      await trainer.train(name, (engine) =>
        engine.run("trainOnMusic", pieces, { ...fixed, ...settings, form, batchSize }),
      );
    } catch (error) {
      setProblem(said(error));
    }
  };
  const wentWrong = problem || said(failed ?? "");
  return (
    <form
      class="card training"
      aria-labelledby="train"
      onSubmit={(event) => {
        event.preventDefault();
        void train();
      }}
    >
      <h2 id="train">{own.title}</h2>
      <div class="row fields">
        <label class="field">
          {own.music}
          <select value={data} onChange={({ currentTarget: { value } }) => setData(value as typeof data)}>
            {Object.entries(titlesOf(examples)).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
            {mine.length > 0 && <option value="own">{fill(own.own, { n: mine.length })}</option>}
          </select>
        </label>
        <MusicFileButton label={own.open} onFiles={files.read} />
        <label class="field">
          {own.form}
          <select value={form} onChange={({ currentTarget: { value } }) => setForm(value as MusicForm)}>
            {Object.entries(titlesOf(forms)).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {names.map((name) => (
          <label key={name} class="field">
            {numbers[name].label}
            <input
              type="number"
              {...{ min: numbers[name].min, max: numbers[name].max, step: 1, required: true }}
              value={texts[name]}
              onInput={({ currentTarget: { value } }) => setTexts({ ...texts, [name]: value })}
            />
          </label>
        ))}
      </div>
      <FilesSaid {...files.told} />
      {wrong.length > 0 && (
        <p class="error small" role="alert">
          {wrong.join(" ")}
        </p>
      )}
      {wentWrong !== "" && (
        <p class="error" role="alert">
          {wentWrong}
        </p>
      )}
      {running === undefined ? (
        <p>
          <button type="submit" class="main" disabled={wrong.length > 0}>
            {own.train}
          </button>{" "}
          <span class="soft small">{own.about}</span>
        </p>
      ) : (
        <LiveEpochs {...running} unit={own.nats} held={own.held} say={told} onStop={trainer.stop} />
      )}
    </form>
  );
}

const told = ({ epoch, epochs, loss, validationLoss }: EpochReport): string =>
  validationLoss === undefined
    ? fill(own.epoch, { epoch, epochs, loss: loss.toFixed(3) })
    : fill(own.epochHeld, { epoch, epochs, loss: loss.toFixed(3), held: validationLoss.toFixed(3) });
