/** Names that tell models apart: of the same settings, or of a reader who gives a name twice. */

/** The name, or where there is one of that name already, with the first number that there is none with. */
export function freeName(name: string, taken: Iterable<string>): string {
  const all = new Set(taken);
  if (!all.has(name)) return name;
  // A second of "run 2" is "run 3", not "run 2 2".
  const [, stem = name, last = "1"] = /^(.*\S) (\d{1,6})$/.exec(name) ?? [];
  let number = all.has(stem) ? Number(last) + 1 : 2;
  const whole = all.has(stem) ? stem : name;
  while (all.has(`${whole} ${number}`)) number++;
  return `${whole} ${number}`;
}
