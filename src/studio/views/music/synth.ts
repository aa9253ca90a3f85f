/** Notes as sound, by Web Audio: two oscillators a note, under an envelope that strikes, fades and is let go. */
import type { Output, Sound } from "./schedule.ts";

export type Synth = Output & { readonly setVolume: (volume: number) => void };

/** Hertz of a MIDI number. */
export const frequencyOf = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12);

const [strike, fade, release] = [0.008, 0.5, 0.05];
/** After so many times its constant nothing is heard of what is let go. */
const silent = 6;
const loudest = 0.25;
/** What many notes are together is bent to below 1, from 0 to this; a few hardly. */
const widest = 8;

/** @param volume 0 to 1 */
export function createSynth(context: BaseAudioContext, volume: number): Synth {
  const [master, range, limiter] = [context.createGain(), context.createGain(), context.createWaveShaper()];
  // A shaper takes numbers from -1 to 1.
  range.gain.value = 1 / widest;
  limiter.curve = Float32Array.from({ length: 2049 }, (_, k) => Math.tanh(widest * (k / 1024 - 1)));
  master.connect(range).connect(limiter).connect(context.destination);
  master.gain.value = volume;
  type Voice = { readonly at: number; readonly end: (now: number) => void };
  const voices = new Set<Voice>();

  const play = ({ pitch, velocity, at, seconds }: Sound): void => {
    const level = loudest * (velocity / 127) ** 1.5;
    const envelope = context.createGain();
    const { gain } = envelope;
    const letGo = (when: number): void => void gain.setTargetAtTime(0, when, release);
    gain.setValueAtTime(0, at);
    gain.linearRampToValueAtTime(level, at + strike);
    gain.setTargetAtTime(0.4 * level, at + strike, fade);
    letGo(at + Math.max(strike, seconds));
    envelope.connect(master);
    const sources = [
      { type: "triangle", times: 1, share: 1 },
      { type: "sine", times: 2, share: 0.25 },
    ] as const;
    const oscillators = sources.map(({ type, times, share }) => {
      const oscillator = context.createOscillator();
      const part = context.createGain();
      oscillator.type = type;
      oscillator.frequency.value = times * frequencyOf(pitch);
      part.gain.value = share;
      oscillator.connect(part).connect(envelope);
      oscillator.start(at);
      oscillator.stop(at + Math.max(strike, seconds) + silent * release);
      return oscillator;
    });
    const voice: Voice = {
      at,
      end(now) {
        gain.cancelScheduledValues(now);
        if (at > now) envelope.disconnect();
        else letGo(now);
        for (const oscillator of oscillators) oscillator.stop(now + silent * release);
        voices.delete(voice);
      },
    };
    voices.add(voice);
    (oscillators[0] as OscillatorNode).onended = () => {
      voices.delete(voice);
      envelope.disconnect();
    };
  };
  return {
    now: () => context.currentTime,
    play,
    drop(from) {
      for (const voice of [...voices]) if (voice.at >= from) voice.end(context.currentTime);
    },
    setVolume: (volume) => void master.gain.setTargetAtTime(volume, context.currentTime, 0.02),
  };
}
