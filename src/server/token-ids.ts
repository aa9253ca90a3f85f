/** Token ids that come in requests: each has to be one of the model's. */
import { excerpt } from "../graph/excerpt.ts";
import { isIndex } from "../graph/schema.ts";
import { type Tokenizer, vocabularySize } from "../text/tokenizer.ts";
import { ApiError } from "./errors.ts";

/**
 * @param param the field that they are in
 * @param ids as numbers, or as an object has them for its keys
 * @throws ApiError for the first that the model does not have
 */
export function checkTokens(param: string, tokenizer: Tokenizer, ids: readonly (number | string)[]): void {
  const size = vocabularySize(tokenizer);
  const wrong = ids.find((id) => !isIndex(Number(id), size));
  if (wrong === undefined) return;
  const got = typeof wrong === "string" ? excerpt(wrong, 20) : wrong;
  throw new ApiError("invalid", `${param}: the model's tokens go from 0 to ${size - 1}, got ${got}.`, param);
}
