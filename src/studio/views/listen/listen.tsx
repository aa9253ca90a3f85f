/** The Listen view: a classifier of sound hears a file or the microphone, and says after each frame what it is. */
import { useEffect, useRef, useState } from "preact/hooks";
import { joined } from "../../../graph/joined.ts";
import { go, linkTo, type View } from "../../address.ts";
import { engine, useNewest } from "../../engine/engine.ts";
import type { ClassifierFacts, Heard } from "../../engine/listening.ts";
import { messageOf } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithTaskModel } from "../../models/task-models.tsx";
import { createTaskTraining } from "../../models/task-training.ts";
import { type ExampleTraining, TrainExample } from "../../models/train-example.tsx";
import { HeardSound } from "./heard.tsx";
import { createHistory, fileFrames, microphoneFrames } from "./history.ts";
import "./listen.css";
import { fill, rich, texts } from "../../texts/texts.ts";
import { type Microphone, openMicrophone } from "./microphone.ts";
import { examples, kinds, sampleRate as madeRate, trainingTones } from "./sounds.ts";

const own = texts.listen;

const training: ExampleTraining = createTaskTraining({
  ...{ kind: "classify", title: "a classifier", reads: "audio" },
});

const Listen: View = ({ address }) => {
  const [dropped, setDropped] = useState<File>();
  const [id] = address.path;
  return (
    <>
      <h1>{own.title}</h1>
      <p class="soft">{own.lead}</p>
      <WithTaskModel
        address={address}
        what={own.what}
        command="unrolled classify FOLDER --one-way --out model.safetensors"
        onOther={([first]) => setDropped(first)}
      >
        {(model) => <Opened model={model} dropped={dropped} />}
      </WithTaskModel>
      {id === undefined && dropped !== undefined && <p role="status">{fill(own.waits, { name: dropped.name })}</p>}
      {id === undefined && (
        <TrainExample
          {...{ training }}
          label={own.train}
          about={fill(own.trainAbout, { kinds: kinds.join(", ") })}
          onTrain={() => void training.train(own.trained, (engine) => engine.run("trainOnSounds", trainingTones()))}
          onTrained={(trained) => go(linkTo("listen", [trained], {}))}
        />
      )}
    </>
  );
};
export default Listen;

function Opened({ model, dropped }: { readonly model: OpenModel; readonly dropped: File | undefined }) {
  const { value: facts, error } = useNewest(() => model.ask("classifierFacts"), model.id);
  if (error !== undefined) {
    return (
      <p class="error" role="alert">
        {error}
      </p>
    );
  }
  if (facts === undefined) return null;
  if (facts.sampleRate === undefined) {
    return <p role="status">{rich(own.noSound, { name: model.name })}</p>;
  }
  return <Hearing {...{ model, facts, dropped }} />;
}

type HearingProps = {
  readonly model: OpenModel;
  readonly facts: ClassifierFacts;
  readonly dropped: File | undefined;
};

function Hearing({ model, facts, dropped }: HearingProps) {
  const { labels, whole, sampleRate } = facts;
  const [heard, setHeard] = useState<Heard>();
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState("");
  const [anew, setAnew] = useState(true);
  const microphone = useListening(model, facts, setHeard, setProblem, anew);
  const readFile = useReader(facts, setHeard, setProblem);
  /** @param its the title of what it hears */
  const begin = (its: string): void => {
    microphone.stop();
    readFile.stop();
    setProblem("");
    setHeard(undefined);
    setTitle(its);
  };
  const read = (file: File | undefined): void => {
    if (file === undefined) return;
    begin(fill(own.inFile, { name: file.name }));
    void readFile.start(async () => model.run("classifySound", new Uint8Array(await file.arrayBuffer()), file.name));
  };
  const readMade = (name: string): void => {
    const samples = Object.hasOwn(examples, name) ? examples[name as keyof typeof examples] : undefined;
    if (samples === undefined) return;
    begin(fill(own.inMade, { kind: name }));
    void readFile.start(async () => model.run("classifySamples", samples, madeRate, name));
  };
  useEffect(() => read(dropped), [dropped]);
  return (
    <>
      <div class="row">
        <label class="button file">
          {own.open}
          <input
            type="file"
            class="visually-hidden"
            accept=".wav,audio/wav"
            onChange={({ currentTarget }) => {
              read(currentTarget.files?.[0]);
              currentTarget.value = "";
            }}
          />
        </label>
        <label class="field">
          {own.made}
          <select
            value=""
            onChange={({ currentTarget }) => {
              readMade(currentTarget.value);
              currentTarget.value = "";
            }}
          >
            <option value="">{own.choose}</option>
            {kinds.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </label>
        {microphone.on ? (
          <>
            <button type="button" class="main" onClick={microphone.stop}>
              {own.stop}
            </button>
            <button type="button" onClick={microphone.forget}>
              {own.forget}
            </button>
          </>
        ) : (
          <button
            type="button"
            class="main"
            disabled={whole !== undefined}
            onClick={() => {
              begin(own.inMicrophone);
              void microphone.start();
            }}
          >
            {own.listen}
          </button>
        )}
      </div>
      {whole === undefined && (
        <label class="anew">
          <input type="checkbox" checked={anew} onChange={({ currentTarget: { checked } }) => setAnew(checked)} />{" "}
          {own.anew}
        </label>
      )}
      <p class="soft small">
        {fill(labels.length > 20 ? own.classesMore : own.classes, {
          ...{ n: labels.length, labels: labels.slice(0, 20).join(", "), rate: sampleRate?.toLocaleString("en") ?? "" },
        })}
      </p>
      {whole !== undefined && (
        <p class="small" role="status">
          {fill(own.whole, { why: whole })}
        </p>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {heard !== undefined && heard.count > 0 && (
        <section aria-labelledby="heard">
          <h2 id="heard">{title}</h2>
          <HeardSound {...{ heard, facts }} live={microphone.on} />
        </section>
      )}
    </>
  );
}

type Tell = (heard: Heard | undefined) => void;
type Fail = (problem: string) => void;

/** Read a sound, a piece at a time, until it is at its end or another one is read. */
function useReader(facts: ClassifierFacts, tell: Tell, fail: Fail) {
  const current = useRef(0);
  const stop = (): void => void current.current++;
  useEffect(() => stop, []);
  const start = async (hear: () => Promise<AsyncIterable<Heard>>): Promise<void> => {
    const own = ++current.current;
    try {
      const history = createHistory(facts, fileFrames(facts));
      for await (const piece of await hear()) {
        if (current.current !== own) return;
        tell(history.add(piece));
      }
    } catch (error) {
      if (current.current === own) fail(messageOf(error));
    }
  };
  return { start, stop };
}

/** Listen to the microphone, as long as the component is there. */
function useListening(model: OpenModel, facts: ClassifierFacts, tell: Tell, fail: Fail, isAnew: boolean) {
  const anew = useRef(isAnew);
  anew.current = isAnew;
  const [on, setOn] = useState(false);
  const current = useRef<{ stop: () => void; forget: () => void } | undefined>(undefined);
  const stop = (): void => {
    current.current?.stop();
    current.current = undefined;
    setOn(false);
  };
  useEffect(() => () => current.current?.stop(), []);
  const start = async (): Promise<void> => {
    stop();
    let ended = false;
    let history = createHistory(facts, microphoneFrames);
    let listener: number | undefined;
    let microphone: Microphone | undefined;
    /** What has come and was not heard yet, and whether something is being heard. */
    let waiting: Float32Array[] = [];
    let busy = false;
    const end = (): void => {
      ended = true;
      microphone?.stop();
      if (listener !== undefined)
        engine()
          .ask("endListening", listener)
          .catch(() => {});
    };
    const failed = (error: unknown): void => {
      if (ended) return;
      end();
      setOn(false);
      fail(messageOf(error));
    };
    const forget = (): void => {
      history = createHistory(facts, microphoneFrames);
      waiting = [];
      tell(undefined);
      if (listener !== undefined) engine().ask("forgetHeard", listener).catch(failed);
    };
    // One question at a time: where drawing or hearing takes long, the next one has all that came meanwhile.
    const hear = async (): Promise<void> => {
      if (busy || listener === undefined) return;
      busy = true;
      while (waiting.length > 0 && !ended) {
        const [samples, to] = [joined(Float32Array, waiting), history];
        waiting = [];
        const piece = await engine().ask("hear", listener, samples, anew.current);
        if (!ended && to === history) tell(history.add(piece));
      }
      busy = false;
    };
    current.current = { stop: end, forget };
    setOn(true);
    try {
      microphone = await openMicrophone((samples) => {
        if (ended) return;
        waiting.push(samples);
        hear().catch(failed);
      });
      if (ended) return microphone.stop();
      listener = await model.ask("beginListening", microphone.sampleRate);
      if (ended) return end();
      await hear();
    } catch (error) {
      failed(error);
    }
  };
  return { on, start, stop, forget: () => current.current?.forget() };
}
