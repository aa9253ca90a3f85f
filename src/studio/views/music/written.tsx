/** What was written: its roll with the gates of a layer under it, at the same steps; heard, and saved. */
import { useRef, useState } from "preact/hooks";
import { GateControls, GateRows, useGates } from "../../components/gates.tsx";
import { Slider } from "../../components/slider.tsx";
import { download } from "../../download.ts";
import type { MusicFacts } from "../../engine/composing.ts";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { pitchName } from "./pitches.ts";
import { usePlaying } from "./playing.ts";
import { placeOf, Roll } from "./roll.tsx";
import type { Synth } from "./synth.ts";
import type { Written } from "./writer.ts";

const own = texts.music.written;

export type WrittenMusicProps = {
  readonly written: Written;
  readonly facts: MusicFacts;
  /** What its file is called. */
  readonly name: string;
  readonly synth: () => Synth;
  readonly volume: number;
  readonly onVolume: (volume: number) => void;
};

/** So wide is a step at least, in pixels, and the picture at most. */
const [leastStep, mostWidth] = [7, 6000];

export function WrittenMusic({ written, facts, name, synth, volume, onVolume }: WrittenMusicProps) {
  const { notes, of: count, seen, values, ended } = written;
  const { stepsPerQuarter, microsecondsPerQuarter } = facts;
  const [tempo, setTempo] = useState(Math.round(6e7 / microsecondsPerQuarter));
  const [quartersInBar, setQuartersInBar] = useState(4);
  const [chosen, setChosen] = useState(0);
  const [pointed, setPointed] = useState<number>();
  const [problem, setProblem] = useState("");
  const head = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const onFrame = (position: number): void => {
    if (head.current !== null) head.current.style.left = `${(100 * position) / count}%`;
  };
  const playing = usePlaying({
    ...{ notes, end: count, synth, onFrame },
    stepsPerSecond: (tempo / 60) * stepsPerQuarter,
    onStep(step) {
      setChosen(step);
      follow(step);
    },
  });
  /** Scroll so that a step is seen. */
  const follow = (step: number): void => {
    const { current } = scroller;
    const line = head.current?.parentElement;
    if (current === null || line == null) return;
    const [left, width] = [line.offsetLeft, line.clientWidth];
    const at = (width * (step + 0.5)) / count;
    const room = current.clientWidth - left;
    if (at < current.scrollLeft || at > current.scrollLeft + room - 20) current.scrollLeft = at - room / 4;
  };
  const choose = (step: number): void => {
    setChosen(step);
    onFrame(step);
    follow(step);
    if (playing.isPlaying) play(step);
  };
  const play = (step: number): void => {
    setProblem("");
    try {
      playing.play(step);
    } catch (error) {
      setProblem(fill(texts.music.noSound, { problem: messageOf(error) }));
    }
  };
  const save = async (): Promise<void> => {
    setProblem("");
    try {
      const settings = { ...facts, microsecondsPerQuarter: Math.round(6e7 / tempo) };
      download(`${name}.mid`, await engine().ask("midiFile", notes, settings), "audio/midi");
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const place = Math.min(count - 1, pointed ?? chosen);
  const gates = useGates(facts.values, values);
  const sounding = notes.filter(({ start, duration }) => start <= place && place < start + duration);
  const sounds = sounding.length === 0 ? own.silence : sounding.map(({ pitch }) => pitchName(pitch)).join(" ");
  const where = fill(own.where, { ...placeOf(place, stepsPerQuarter, quartersInBar), sounds });
  return (
    <section aria-labelledby="written">
      <h2 id="written">{own.title}</h2>
      <div class="row playing">
        {playing.isPlaying ? (
          <button
            type="button"
            class="main"
            onClick={() => setChosen(Math.min(count - 1, Math.floor(playing.pause())))}
          >
            {own.pause}
          </button>
        ) : (
          <button type="button" class="main" disabled={!ended || notes.length === 0} onClick={() => play(chosen)}>
            {own.play}
          </button>
        )}
        <button
          type="button"
          disabled={!playing.isPlaying && chosen === 0}
          onClick={() => {
            playing.pause();
            choose(0);
          }}
        >
          {own.stop}
        </button>
        <button type="button" disabled={!ended || notes.length === 0} onClick={save}>
          {own.save}
        </button>
        <label class="field">
          {own.quarters}
          <select
            value={String(quartersInBar)}
            onChange={({ currentTarget: { value } }) => setQuartersInBar(Number(value))}
          >
            {[2, 3, 4, 5, 6].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <Slider label={own.tempo} value={tempo} min={20} max={300} step={1} onInput={setTempo} />
        <Slider
          label={own.volume}
          value={volume}
          {...{ min: 0, max: 1, step: 0.05 }}
          format={(value) => `${Math.round(100 * value)} %`}
          onInput={onVolume}
        />
      </div>
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {seen > 0 && <GateControls {...{ gates, column: place, where }} live={playing.isPlaying || !ended} />}
      <div ref={scroller} class="scroll steps">
        <div
          data-figure={texts.pictures.names.roll}
          class="gates"
          style={{ "--steps-width": `${Math.min(mostWidth, leastStep * count)}px` }}
        >
          <Roll
            {...{ notes, count, stepsPerQuarter, quartersInBar, place }}
            describedBy={gates.readoutId}
            onChoose={choose}
          />
          {seen > 0 && (
            <GateRows
              {...{ gates, count, column: place }}
              done={seen}
              columns={own.columns}
              onChoose={choose}
              onPoint={setPointed}
            />
          )}
          <div class="gates-row head" aria-hidden="true">
            <div class="head-track">
              <div ref={head} class="head-line" />
            </div>
          </div>
        </div>
      </div>
      <p class="soft small">
        {rich(ended && seen < count ? own.aboutFirst : own.about, {
          ...{ layer: gates.layer, n: seen.toLocaleString("en") },
        })}
      </p>
    </section>
  );
}
