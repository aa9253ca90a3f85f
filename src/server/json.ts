/** Values as JSON whose maps keep their order: a JavaScript object would put names that are numbers first. */

/** As `JSON.stringify` would have it, and a Map as an object of its entries in their order. */
export function jsonOf(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return value.some(isObject) ? `[${value.map(jsonOf).join()}]` : JSON.stringify(value);
  let members = "";
  for (const [name, one] of value instanceof Map ? value : Object.entries(value)) {
    if (one !== undefined) members += `${members === "" ? "" : ","}${JSON.stringify(name)}:${jsonOf(one)}`;
  }
  return `{${members}}`;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
