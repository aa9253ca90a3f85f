/** In the thread of the sound: hands on the microphone's samples, a piece of some milliseconds at a time. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;

const pieceSize = 4096;

class Microphone extends AudioWorkletProcessor {
  private piece = new Float32Array(pieceSize);
  private filled = 0;

  process([input]: readonly (readonly Float32Array[])[]): boolean {
    const [samples] = input ?? [];
    if (samples === undefined) return true;
    this.piece.set(samples, this.filled);
    this.filled += samples.length;
    // Browsers give 128 samples at a time.
    if (this.filled + 128 <= pieceSize) return true;
    this.port.postMessage(this.piece.slice(0, this.filled));
    this.filled = 0;
    return true;
  }
}
registerProcessor("microphone", Microphone);
