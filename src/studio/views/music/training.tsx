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
import { FilesSaid, MusicFileButton, useDropped, useMusicFiles } from "./files.tsx";
import { said } from "./messages.ts";
import { type ExampleName, examples } from "./tunes.ts";

type OwnPieces = Awaited<ReturnType<typeof readExample>>;
/** The reader's pieces; they stay while views come and go. */
const ownPieces = createShared<OwnPieces>([]);

const trainer = createTaskTraining<MusicEpoch, { readonly bytes: Uint8Array<ArrayBuffer> }>({
  kind: "music",
  title: "a model of music",
});

/** Of few tunes, many updates make the better model of rolls; of events it begins more surely from silence with fewer. */
const forms: Readonly<Record<MusicForm, { readonly title: string; readonly batchSize: number }>> = {
  events: { title: "Events: note after note", batchSize: 16 },
  roll: { title: "Roll: keys that sound, step by step", batchSize: 4 },
};
const fixed = { cell: "gru", dropout: 0, steps: 32, learningRate: 0.01 } as const;
/** The numbers of a training, with their bounds. */
const numbers = {
  stepsPerQuarter: { label: "Steps of a quarter", min: 1, max: 24, usual: 2 },
  units: { label: "Units", min: 1, max: 512, usual: 64 },
  epochs: { label: "Epochs", min: 1, max: 500, usual: 30 },
  transpose: { label: "Up and down, semitones", min: 0, max: 12, usual: 0 },
  seed: { label: "Seed", min: 0, max: 2 ** 32 - 1, usual: 1 },
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
  const own = ownPieces.use();
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
    if (own.length > 0) setData("own");
  }, [own]);
  useEffect(() => {
    if (trained === undefined || trained.isShown) return;
    trainer.showed();
    go(linkTo("music", [trained.id]));
  }, [trained]);
  const wrong = names.flatMap((name) => {
    const { label, min, max } = numbers[name];
    const value = Number(texts[name]);
    if (texts[name].trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return [];
    return `${label}: a whole number from ${min} to ${max.toLocaleString("en")}.`;
  });
  const train = async (): Promise<void> => {
    setProblem("");
    try {
      const pieces = (data === "own" ? own : await readExample(data)).map(({ piece }) => piece);
      const settings = Object.fromEntries(names.map((name) => [name, Number(texts[name])])) as Record<
        NumberName,
        number
      >;
      const title = data === "own" ? (own[0]?.name.replace(/\.\w+(:\d+)?$/, "") ?? "music") : data;
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
      <h2 id="train">Train a small one</h2>
      <div class="row fields">
        <label class="field">
          Music
          <select value={data} onChange={({ currentTarget: { value } }) => setData(value as typeof data)}>
            {Object.entries(titlesOf(examples)).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
            {own.length > 0 && (
              <option value="own">
                Your files, {own.length.toLocaleString("en")} {own.length === 1 ? "piece" : "pieces"}
              </option>
            )}
          </select>
        </label>
        <MusicFileButton label="Open .mid or .abc files …" onFiles={files.read} />
        <label class="field">
          Form
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
            Train
          </button>{" "}
          <span class="soft small">
            A GRU, some seconds. A tenth of the pieces is held out, and the epoch that foresees them best is kept.
          </span>
        </p>
      ) : (
        <LiveEpochs {...running} unit="nats" held="held out" say={told} onStop={trainer.stop} />
      )}
    </form>
  );
}

const told = ({ epoch, epochs, loss, validationLoss }: EpochReport): string =>
  `Epoch ${epoch} of ${epochs}: ${loss.toFixed(3)} nats` +
  (validationLoss === undefined ? "" : `, of pieces held out ${validationLoss.toFixed(3)}`);
