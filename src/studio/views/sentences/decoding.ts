/** A translation as it is decoded: what is kept after each token, as it comes, and all that was seen in the end. */
import { useEffect, useState } from "preact/hooks";
import type { TranslationStep } from "../../../tasks/translate/predict.ts";
import { useRounds } from "../../engine/engine.ts";
import type { Decoded } from "../../engine/sentences.ts";
import { messageOf } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";

export type Decoding = {
  /** The likeliest so far, of one that goes on. */
  readonly sofar?: TranslationStep[number] | undefined;
  /** The last one that is whole, with what was kept after each token. */
  readonly decoded?: (Decoded & { readonly steps: readonly TranslationStep[] }) | undefined;
  readonly error?: string;
};

/** Decode a text; another text or number of beams stops what goes on. The last translation stays until the next one is there. */
export function useDecoding(model: OpenModel, text: string, beams: number): Decoding {
  const { round, tell } = useRounds();
  const [decoding, setDecoding] = useState<Decoding>({});
  useEffect(() => {
    if (text.trim() === "") return undefined;
    let left = false;
    const decode = async (): Promise<void> => {
      const job = model.run("translateText", text, beams);
      const steps: TranslationStep[] = [];
      try {
        for (;;) {
          const { done, value } = await job.next();
          if (left) return;
          if (done) return setDecoding({ decoded: { ...value, steps } });
          steps.push(value);
          setDecoding(({ decoded }) => ({ sofar: value[0], decoded }));
        }
      } catch (error) {
        if (!left) setDecoding({ error: messageOf(error) });
        if (!left) tell(error);
      } finally {
        await job.return(undefined as never);
      }
    };
    void decode();
    return () => {
      left = true;
    };
  }, [model, text, beams, round]);
  return decoding;
}
