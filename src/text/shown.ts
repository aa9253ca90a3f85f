/** A value as an error's line shows it: short, and texts in quotes. Knows nothing about what is wrong with it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
