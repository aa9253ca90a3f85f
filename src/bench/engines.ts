/** Which of our engines run on this machine, by their names, the fastest first. The bench names its engines: no default decides. */
import { engineOf } from "../engines/registry.ts";
import { relaxedSimd } from "../engines/wasm/features.ts";
import { InputError } from "../graph/input-error.ts";

export const engineNames = ["native", "wasm"] as const;
export type OwnEngine = {
  readonly name: (typeof engineNames)[number];
  /** The instructions for vectors that it uses. */
  readonly isa: string;
};

/** @returns those that run here, and why another one does not */
export async function enginesHere(): Promise<{ readonly engines: readonly OwnEngine[]; readonly absent?: string }> {
  const wasm = { name: "wasm", isa: relaxedSimd() ? "relaxed-simd" : "simd128" } as const;
  try {
    const { isa } = await engineOf("native");
    return { engines: [{ name: "native", isa: isa as string }, wasm] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { engines: [wasm], absent: error.message };
  }
}
