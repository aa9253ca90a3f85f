/** Make unique names for models, even with the same settings or when the reader gives a name twice. */

/** The name itself or, if it is taken, the name with the first free number. */
export function freeName(name: string, taken: Iterable<string>): string {
  const all = new Set(taken);
  if (!all.has(name)) return name;
  // After "run 2" comes "run 3", not "run 2 2".
  const [, stem = name, last = "1"] = /^(.*\S) (\d{1,6})$/.exec(name) ?? [];
  let number = all.has(stem) ? Number(last) + 1 : 2;
  const whole = all.has(stem) ? stem : name;
  while (all.has(`${whole} ${number}`)) number++;
  return `${whole} ${number}`;
}
