/** How much one request may ask for. */
import { ApiError } from "../errors.ts";
import type { Writing } from "../schemas.ts";

/** What one request may ask for. */
export type Limits = {
  /** Tokens to write, of all its texts together. */
  readonly maxTokens: number;
  /** Tokens to read, of all its prompts together. */
  readonly maxPromptTokens: number;
  /** Texts: prompts times n. */
  readonly maxTexts: number;
};

/** @throws ApiError for more than a request may ask for */
export function checkLimits(
  { max_tokens }: Writing,
  { maxTexts, maxPromptTokens, maxTokens }: Limits,
  { texts, toRead }: { readonly texts: number; readonly toRead: number },
): void {
  const check = (param: string, value: number, limit: number, what: string): void => {
    if (value <= limit) return;
    const [asked, allowed] = [value, limit].map((number) => number.toLocaleString("en-US"));
    throw new ApiError("invalid", `${param}: ${asked} ${what}, more than the ${allowed} of a request.`, param);
  };
  check("prompt", texts, maxTexts, "texts (prompts times n)");
  check("prompt", toRead, maxPromptTokens, "tokens to read");
  check("max_tokens", texts * max_tokens, maxTokens, "tokens to write, all texts together");
}
