/** Check token ids in requests: each must be in the model's vocabulary. */
import { excerpt } from "../graph/excerpt.ts";
import { isIndex } from "../graph/schema.ts";
import { type Tokenizer, vocabularySize } from "../text/tokenizer.ts";
import { ApiError } from "./errors.ts";

/**
 * @param param the field with the ids
 * @param ids the ids, as numbers or as keys of an object
 * @throws ApiError for the first unknown id
 */
export function checkTokens(param: string, tokenizer: Tokenizer, ids: readonly (number | string)[]): void {
  const size = vocabularySize(tokenizer);
  const wrong = ids.find((id) => !isIndex(Number(id), size));
  if (wrong === undefined) return;
  const got = typeof wrong === "string" ? excerpt(wrong, 20) : wrong;
  throw new ApiError("invalid", `${param}: token ids of this model go from 0 to ${size - 1}, got ${got}.`, param);
}
