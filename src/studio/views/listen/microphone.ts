/** The microphone's samples, one channel, at the rate that the device has. */

import { fill, texts } from "../../texts/texts.ts";
import workletUrl from "./microphone-worklet.ts?worker&url";

const own = texts.listen.microphone;

export type Microphone = { readonly sampleRate: number; readonly stop: () => void };

/** @throws Error, one line, where there is no microphone, or it is not allowed */
export async function openMicrophone(onSamples: (samples: Float32Array) => void): Promise<Microphone> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(own.noHttps);
  }
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }).catch((error: Error) => {
    const denied = error.name === "NotAllowedError";
    throw new Error(denied ? own.denied : fill(own.none, { problem: error.message }));
  });
  const context = new AudioContext();
  const stop = (): void => {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
  };
  try {
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => onSamples(data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  } catch (error) {
    stop();
    throw error;
  }
  return { sampleRate: context.sampleRate, stop };
}
