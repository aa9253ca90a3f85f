/** Check the limits of one request. */
import { ApiError } from "../errors.ts";
import type { Writing } from "../schemas.ts";

/** The limits of one request. */
export type Limits = {
  /** The largest number of tokens to generate, for all its texts together. */
  readonly maxTokens: number;
  /** The largest number of tokens to read, for all its prompts together. */
  readonly maxPromptTokens: number;
  /** The largest number of texts: prompts times n. */
  readonly maxTexts: number;
};

/** @throws ApiError for a request beyond a limit */
export function checkLimits(
  { max_tokens }: Writing,
  { maxTexts, maxPromptTokens, maxTokens }: Limits,
  { texts, toRead }: { readonly texts: number; readonly toRead: number },
): void {
  const check = (param: string, value: number, limit: number, what: string): void => {
    if (value <= limit) return;
    const [asked, allowed] = [value, limit].map((number) => number.toLocaleString("en-US"));
    throw new ApiError("invalid", `${param}: ${asked} ${what}, and the limit of a request is ${allowed}.`, param);
  };
  check("prompt", texts, maxTexts, "texts (prompts times n)");
  check("prompt", toRead, maxPromptTokens, "tokens to read");
  check("max_tokens", texts * max_tokens, maxTokens, "tokens to generate, in all texts together");
}
