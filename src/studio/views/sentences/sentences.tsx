/** The Sentences view: models that read sentences translate them, label their words or classify them, and show why. */
import { useState } from "preact/hooks";
import { type Address, go, linkTo, type View } from "../../address.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithTaskModel } from "../../models/task-models.tsx";
import { createTaskTraining } from "../../models/task-training.ts";
import { type ExampleTraining, TrainExample } from "../../models/train-example.tsx";
import { Classified } from "./classified.tsx";
import { dates, partsOfSpeech, reviews } from "./examples.ts";
import { Tagged } from "./tagged.tsx";
import { Translated } from "./translated.tsx";
import "./sentences.css";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.sentences;

const Sentences: View = ({ address }) => {
  const { path, query } = address;
  const [id] = path;
  const { text } = query;
  /** A file that is no model, and which model was open then. */
  const [other, setOther] = useState<{ readonly name: string; readonly id: string | undefined }>();
  return (
    <>
      <h1>{own.title}</h1>
      <p class="soft">{own.lead}</p>
      <WithTaskModel
        // Another model reads the same sentence.
        address={{ ...address, query: text === undefined ? {} : { text } }}
        what={own.what}
        command="unrolled translate dates.tsv --out dates.safetensors"
        onOther={([{ name }]) => setOther({ name, id })}
      >
        {(model) => <Opened {...{ model, address }} />}
      </WithTaskModel>
      {other !== undefined && other.id === id && (
        <p class="error" role="alert">
          {fill(own.noModel, { name: other.name })}
        </p>
      )}
      {id === undefined && (
        <section aria-labelledby="train">
          <h2 id="train">{own.train}</h2>
          {examples.map(({ name, training, label, about, begin, text }) => (
            <TrainExample
              key={name}
              {...{ training, label, about }}
              onTrain={() => void training.train(name, begin)}
              onTrained={(trained) => go(linkTo("sentences", [trained], { ...query, text }))}
            />
          ))}
        </section>
      )}
    </>
  );
};
export default Sentences;

function Opened({ model, address }: { readonly model: OpenModel; readonly address: Address }) {
  switch (model.facts.task.kind) {
    case "translate":
      return <Translated {...{ model, address }} />;
    case "tag":
      return <Tagged {...{ model, address }} />;
    default:
      return <Classified {...{ model, address }} />;
  }
}

type Example = {
  /** What the model is called. */
  readonly name: string;
  readonly training: ExampleTraining;
  readonly label: string;
  readonly about: string;
  readonly begin: Parameters<ExampleTraining["train"]>[1];
  /** What it is shown with. */
  readonly text: string;
};
const examples: readonly Example[] = [
  {
    training: createTaskTraining({ kind: "translate", title: "a translator" }),
    ...own.examples.dates,
    begin: (engine) => engine.run("trainOnPairs", dates(3000, 1)),
    text: "7 March 1985",
  },
  {
    training: createTaskTraining({ kind: "tag", title: "a tagger of words" }),
    ...own.examples.words,
    begin: (engine) => engine.run("trainOnTagged", partsOfSpeech(1500, 1)),
    text: "the old man the boat",
  },
  {
    training: createTaskTraining({ kind: "classify", title: "a classifier of sequences", reads: "text" }),
    ...own.examples.reviews,
    begin: (engine) => engine.run("trainOnTexts", reviews(1500, 1)),
    text: "the plot is lovely but the cast is not funny",
  },
];
