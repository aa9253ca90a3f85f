/** The microphone's samples, one channel, at the rate that the device has. */
import workletUrl from "./microphone-worklet.ts?worker&url";

export type Microphone = { readonly sampleRate: number; readonly stop: () => void };

/** @throws Error, one line, where there is no microphone, or it is not allowed */
export async function openMicrophone(onSamples: (samples: Float32Array) => void): Promise<Microphone> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(
      "Without https, a browser gives a page no microphone. Open a WAV file, or the page on this machine.",
    );
  }
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }).catch((error: Error) => {
    const denied = error.name === "NotAllowedError";
    throw new Error(
      denied
        ? "The browser does not allow this page the microphone. Allow it in the address bar, or open a WAV file."
        : `There is no microphone (${error.message}). Open a WAV file.`,
    );
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
