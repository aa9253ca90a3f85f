/**
 * Write JSON as Python's `json` module does, and read objects with their names in the order of the text. JavaScript's
 * objects do not keep that order ("1851" would come before "whale"), and Keras's tokenizers depend on it.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";

export type PythonValue =
  | null
  | boolean
  | number
  | string
  | ReadonlyMap<string | number, PythonValue>
  | { readonly [name: string]: PythonValue };

/** Write a value exactly as Python's `json.dumps` does: ASCII only, with a blank after "," and ":". */
export function pythonJson(value: PythonValue): string {
  if (value === null || typeof value === "boolean" || typeof value === "number") return JSON.stringify(value);
  if (typeof value === "string") return asciiJson(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([name, part]) => `${asciiJson(String(name))}: ${pythonJson(part)}`).join(", ")}}`;
}

const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/**
 * The names and values of a JSON object of texts and numbers, in the order of the text.
 * @param place the name of the text in error messages
 * @throws InputError if the text is not such an object
 */
export function readPairs(json: unknown, place: string): [name: string, value: string | number][] {
  const fail = (problem: string): never => {
    throw new InputError(`${place}: ${problem}`);
  };
  if (typeof json !== "string") return fail(`needs an object as JSON text, got ${formatValue(json)}`);
  let object: unknown;
  try {
    object = JSON.parse(json);
  } catch (error) {
    return fail(`needs an object as JSON text; ${(error as Error).message}`);
  }
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    return fail(`needs an object as JSON text, got ${formatValue(object)}`);
  }
  for (const [name, value] of Object.entries(object)) {
    if (typeof value !== "string" && typeof value !== "number")
      fail(`${formatValue(name)} needs text or a number, got ${formatValue(value)}`);
  }
  // The text is valid and flat: outside of strings there are only punctuation, blanks and numbers.
  const parts: (string | number)[] = [];
  for (let at = 0; at < json.length; ) {
    let end = at + 1;
    if (json[at] === '"') {
      while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
      end++;
    } else if (/[-\d]/.test(json[at] as string)) {
      while (/[-+.\deE]/.test(json[end] as string)) end++;
    } else {
      at = end;
      continue;
    }
    parts.push(JSON.parse(json.slice(at, end)) as string | number);
    at = end;
  }
  return Array.from({ length: parts.length / 2 }, (_, i) => [
    parts[2 * i] as string,
    parts[2 * i + 1] as string | number,
  ]);
}
