/** What is written of a text, token by token, as it goes from the model to the answer. */
import type { LikelyToken } from "../../tasks/generate.ts";

/** Some text with what is told of its token; without `logProbability`, nothing was asked. */
export type Piece = {
  readonly text: string;
  readonly token?: number;
  /** What log-probabilities call its token. */
  readonly name?: string;
  /** Null of the first token of a prompt, which nothing foretold. */
  readonly logProbability?: number | null;
  readonly alternatives?: readonly LikelyToken[];
  /** How many tokens of the prompt it stands for, where it does: its name is one of its own then. */
  readonly replaces?: number;
};
