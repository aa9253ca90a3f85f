/** The Listen view: a classifier of sound hears a file or the microphone, and says after each frame what it is. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "../../address.ts";
import { engine, useNewest } from "../../engine/engine.ts";
import type { ClassifierFacts, Heard } from "../../engine/listening.ts";
import { messageOf } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithTaskModel } from "../../models/task-models.tsx";
import { HeardSound } from "./heard.tsx";
import "./listen.css";
import { type Microphone, openMicrophone } from "./microphone.ts";

const Listen: View = ({ address }) => {
  const [dropped, setDropped] = useState<File>();
  return (
    <>
      <h1>Listen</h1>
      <p class="soft">
        A classifier reads sound frame by frame, and says after each what it has heard so far: of a WAV file, or of the
        microphone. The sound stays in this page.
      </p>
      <WithTaskModel
        address={address}
        kind="classify"
        what="classifiers"
        command="unrolled classify FOLDER --one-way --out model.safetensors"
        onOther={setDropped}
      >
        {(model) => <Opened model={model} dropped={dropped} />}
      </WithTaskModel>
    </>
  );
};
export default Listen;

/** Of a microphone, the last frames are shown. */
const maxFrames = 500;

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
    return (
      <p role="status">
        “{model.name}” reads rows of numbers, not sound. On the command line <code>unrolled classify</code> takes it
        with series of numbers.
      </p>
    );
  }
  return <Hearing {...{ model, facts, dropped }} />;
}

type HearingProps = {
  readonly model: OpenModel;
  readonly facts: ClassifierFacts;
  readonly dropped: File | undefined;
};

function Hearing({ model, facts, dropped }: HearingProps) {
  const { labels, hopMs, whole, sampleRate } = facts;
  const [heard, setHeard] = useState<Heard>();
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const { on, start, stop, forget } = useListening(model, setHeard, setProblem);
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    stop();
    setProblem("");
    setHeard(undefined);
    setName(file.name);
    try {
      setHeard(await model.ask("classifySound", new Uint8Array(await file.arrayBuffer()), file.name));
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => void read(dropped), [dropped]);
  return (
    <>
      <div class="row">
        <label class="button file">
          Open a WAV file …
          <input
            type="file"
            class="visually-hidden"
            accept=".wav,audio/wav"
            onChange={({ currentTarget }) => {
              void read(currentTarget.files?.[0]);
              currentTarget.value = "";
            }}
          />
        </label>
        {on ? (
          <>
            <button type="button" class="main" onClick={stop}>
              Stop listening
            </button>
            <button type="button" onClick={forget}>
              Forget what it heard
            </button>
          </>
        ) : (
          <button
            type="button"
            class="main"
            disabled={whole !== undefined}
            onClick={() => {
              setName("the microphone");
              void start();
            }}
          >
            Listen to the microphone
          </button>
        )}
      </div>
      <p class="soft small">
        {labels.length} classes: {labels.slice(0, 20).join(", ")}
        {labels.length > 20 && " and more"} · sound at {sampleRate?.toLocaleString("en")} samples a second
      </p>
      {whole !== undefined && (
        <p class="small" role="status">
          {whole} Of a file it says one thing, after all of it.
        </p>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {heard !== undefined && heard.count > 0 && (
        <section aria-labelledby="heard">
          <h2 id="heard">What it heard in {name}</h2>
          <HeardSound {...{ heard, labels, hopMs }} />
        </section>
      )}
    </>
  );
}

/** Listen to the microphone, as long as the component is there. */
function useListening(
  model: OpenModel,
  tell: (heard: Heard | undefined) => void,
  fail: (problem: string) => void,
): {
  readonly on: boolean;
  readonly start: () => Promise<void>;
  readonly stop: () => void;
  readonly forget: () => void;
} {
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
    fail("");
    tell(undefined);
    let ended = false;
    let all: Heard | undefined;
    let listener: number | undefined;
    let microphone: Microphone | undefined;
    /** Pieces are heard one after the other. */
    let last: Promise<unknown> = Promise.resolve();
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
      all = undefined;
      tell(undefined);
      if (listener !== undefined) engine().ask("forgetHeard", listener).catch(failed);
    };
    current.current = { stop: end, forget };
    setOn(true);
    try {
      const waiting: Float32Array[] = [];
      const hear = (samples: Float32Array): void => {
        if (ended) return;
        if (listener === undefined) {
          waiting.push(samples);
          return;
        }
        const to = listener;
        last = last
          .then(async () => {
            if (ended) return;
            all = joined(all, await engine().ask("hear", to, samples));
            if (!ended) tell(all);
          })
          .catch(failed);
      };
      microphone = await openMicrophone(hear);
      if (ended) return microphone.stop();
      listener = await model.ask("beginListening", microphone.sampleRate);
      if (ended) return end();
      for (const samples of waiting.splice(0)) hear(samples);
    } catch (error) {
      failed(error);
    }
  };
  return { on, start, stop, forget: () => current.current?.forget() };
}

/** The frames of both, as many as are shown. */
function joined(before: Heard | undefined, next: Heard): Heard {
  if (before === undefined || before.count === 0) return next;
  if (next.count === 0) return before;
  const count = Math.min(maxFrames, before.count + next.count);
  const end = (first: Float32Array, second: Float32Array): Float32Array => {
    const all = new Float32Array(first.length + second.length);
    all.set(first);
    all.set(second, first.length);
    const size = all.length / (before.count + next.count);
    return all.slice(all.length - count * size);
  };
  const { states: first } = before;
  const { states: second } = next;
  return {
    ...{ count, stateName: next.stateName ?? before.stateName },
    probabilities: end(before.probabilities, next.probabilities),
    states: first === undefined || second === undefined ? undefined : end(first, second),
  };
}
