/** Play notes by Web Audio: a synthesizer that is made when something is first to sound, and a player of notes on it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { GridNote } from "../../../tasks/music/settings.ts";
import { createPlayer, type Player } from "./schedule.ts";
import { createSynth, type Synth } from "./synth.ts";

/** A function that gives the synthesizer: to be called upon a gesture, before which a browser lets nothing sound. */
export function useSynth(volume: number): () => Synth {
  const made = useRef<{ readonly context: AudioContext; readonly synth: Synth } | undefined>(undefined);
  useEffect(() => made.current?.synth.setVolume(volume), [volume]);
  useEffect(() => () => void made.current?.context.close(), []);
  return () => {
    if (made.current === undefined) {
      const context = new AudioContext();
      made.current = { context, synth: createSynth(context, volume) };
    }
    void made.current.context.resume();
    return made.current.synth;
  };
}

/** How often notes are told, in milliseconds: several times while what is told lasts. */
const pumpMs = 250;

export type PlayingOptions = {
  readonly notes: readonly GridNote[];
  /** The step after the last. */
  readonly end: number;
  readonly stepsPerSecond: number;
  readonly synth: () => Synth;
  /** Each time that another step is reached. */
  readonly onStep: (step: number) => void;
  /** Where the music is, in steps, for each frame of the screen. */
  readonly onFrame: (position: number) => void;
};

/** Playing stops where the notes change. */
export function usePlaying({ notes, end, stepsPerSecond, synth, ...tell }: PlayingOptions) {
  const [isPlaying, setIsPlaying] = useState(false);
  const player = useRef<Player | undefined>(undefined);
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => player.current?.setRate(stepsPerSecond), [stepsPerSecond]);
  useEffect(() => {
    if (!isPlaying) return;
    let [frame, before] = [0, -1];
    const draw = (): void => {
      const at = player.current?.position() ?? 0;
      const step = Math.min(end - 1, Math.floor(at));
      latest.current.onFrame(at);
      if (step !== before) latest.current.onStep(step);
      before = step;
      frame = requestAnimationFrame(draw);
    };
    draw();
    const pump = (): void => {
      if (player.current?.pump() === true) return;
      setIsPlaying(false);
      latest.current.onFrame(0);
      latest.current.onStep(0);
    };
    const timer = setInterval(pump, pumpMs);
    return () => {
      cancelAnimationFrame(frame);
      clearInterval(timer);
    };
  }, [isPlaying, end]);
  const pause = (): number => {
    const at = player.current?.stop() ?? 0;
    setIsPlaying(false);
    return at;
  };
  useEffect(() => () => void player.current?.stop(), []);
  useEffect(() => () => void pause(), [notes]);
  return {
    isPlaying,
    /** @throws Error where the browser has no sound */
    play(step: number): void {
      player.current?.stop();
      player.current = createPlayer(synth(), notes, end);
      player.current.start(step, stepsPerSecond);
      setIsPlaying(true);
    },
    pause,
  };
}
