/** A piece of generated text, token by token, on its way from the model to the answer. */
import type { LikelyToken } from "../../tasks/generate.ts";

/** Some text and the data of its token; without `logProbability`, no data was requested. */
export type Piece = {
  readonly text: string;
  readonly token?: number;
  /** The name of the token in log-probabilities. */
  readonly name?: string;
  /** Null for the first token of a prompt, which nothing predicted. */
  readonly logProbability?: number | null;
  readonly alternatives?: readonly LikelyToken[];
  /** The number of the prompt's tokens that it replaces, if it does; its name is then a name of its own. */
  readonly replaces?: number;
};
