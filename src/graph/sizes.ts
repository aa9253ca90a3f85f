/**
 * Sizes as linear forms of `units`, the inputs' sizes and unknowns, and a solver that finds the unknowns from equalities.
 */

/** constant + the sum of coefficient * symbol, where a symbol is "units" or an input's name. */
export type Size = {
  readonly constant: number;
  readonly terms: readonly (readonly [symbol: string, coefficient: number])[];
};

/** Coefficients by symbol; "" is the constant. The symbol of an unknown is "?" and the name of the value it is the size of. */
export type Form = ReadonlyMap<string, number>;

const epsilon = 1e-9;
const largest = 2 ** 40;

export const symbol = (name: string): Form => new Map([[name, 1]]);
export function form(constant: number, terms: Readonly<Record<string, number>> = {}): Form {
  const entries = [["", constant], ...Object.entries(terms)] as [string, number][];
  return new Map(entries.filter(([, value]) => value !== 0));
}
/** a + scale * b. */
export function plus(a: Form, b: Form, scale = 1): Form {
  const result = new Map(a);
  for (const [key, value] of b) {
    const sum = (result.get(key) ?? 0) + scale * value;
    if (Math.abs(sum) < epsilon) result.delete(key);
    else result.set(key, sum);
  }
  return result;
}
export function sum(parts: readonly Form[]): Form {
  const result = new Map<string, number>();
  for (const [key, value] of parts.flatMap((part) => [...part])) result.set(key, (result.get(key) ?? 0) + value);
  return result;
}
/** The symbol of the number of steps that an input has. */
export const stepsOf = (input: string): string => `steps of ${input}`;

export const isHuge = (a: Form): boolean => [...a.values()].some((value) => !(Math.abs(value) < largest));
const isUnknown = (key: string): boolean => key.startsWith("?");
/** Whether a form can be a size, which is above 0: it needs a positive coefficient. */
export const isPositive = (a: Form): boolean => [...a.values()].some((value) => value > 0);

/** `64`, `units`, `2 * units + x`, `size(h)`. */
export function formatForm(a: Form, inputName: string): string {
  const word = (key: string): string => (isUnknown(key) ? `size(${key.slice(1)})` : key === inputName ? "input" : key);
  let text = "";
  for (const [key, value] of a) {
    const size = Number(Math.abs(value).toPrecision(6));
    const part =
      key === ""
        ? `${size}`
        : size === 1
          ? word(key)
          : size < 1 && Number.isInteger(Number((1 / size).toPrecision(6)))
            ? `${word(key)} / ${Number((1 / size).toPrecision(6))}`
            : `${size} * ${word(key)}`;
    text += text === "" ? `${value < 0 ? "-" : ""}${part}` : ` ${value < 0 ? "-" : "+"} ${part}`;
  }
  return text === "" ? "0" : text;
}

export type Solver = ReturnType<typeof createSolver>;

export function createSolver() {
  const solved = new Map<string, Form>();

  /** The form with every solved unknown replaced. */
  function resolve(given: Form): Form {
    let result = given;
    while (!isHuge(result) && [...result.keys()].some((key) => solved.has(key))) {
      const next = new Map<string, number>();
      for (const [key, value] of result) {
        const known = solved.get(key);
        if (known === undefined) accumulate(next, key, value);
        else for (const [part, share] of known) accumulate(next, part, value * share);
      }
      for (const [key, value] of next) if (Math.abs(value) < epsilon) next.delete(key);
      result = next;
    }
    const [only] = given.keys();
    if (given.size === 1 && solved.has(only as string) && given.get(only as string) === 1) {
      solved.set(only as string, result);
    }
    return result;
  }
  const accumulate = (sums: Map<string, number>, key: string, value: number): void => {
    sums.set(key, (sums.get(key) ?? 0) + value);
  };

  return {
    resolve,
    /**
     * Make two sizes equal. "never": no numbers can make them equal. "later": it depends on `units` and the inputs.
     * "huge": the size is larger than any memory.
     */
    equate(left: Form, right: Form): "equal" | "later" | "never" | "huge" {
      const [a, b] = [resolve(left), resolve(right)];
      if (isHuge(a) || isHuge(b)) return "huge";
      const difference = plus(a, b, -1);
      if (difference.size === 0) return "equal";
      const unknowns = [...difference.keys()].filter(isUnknown);
      const values = [...difference.values()];
      const positive = values.filter((value) => value > 0).length;
      // All coefficients have one sign: a sum of sizes would have to be 0, or a size negative.
      if (positive === 0 || positive === values.length) return "never";
      if (unknowns.length === 0) return "later";
      // Prefer to express a whole by its parts, not a part as the whole minus the other parts.
      const alone = (key: string): boolean => {
        const ofItsSign = (difference.get(key) as number) > 0 ? positive : values.length - positive;
        return ofItsSign === 1;
      };
      const count = (key: string): number => Math.abs(difference.get(key) as number);
      const wholes = unknowns.filter(alone).reverse();
      const key = wholes.sort((p, q) => count(p) - count(q))[0] ?? (unknowns[0] as string);
      const rest = new Map(difference);
      rest.delete(key);
      solved.set(key, plus(new Map(), rest, -1 / (difference.get(key) as number)));
      return "equal";
    },
    /** Unknowns that no equality fixes become `units`. */
    settle(unknowns: Iterable<string>): void {
      for (const unknown of unknowns) {
        for (const key of resolve(symbol(unknown)).keys()) if (isUnknown(key)) solved.set(key, symbol("units"));
      }
    },
  };
}

export function toSize(a: Form): Size {
  return { constant: a.get("") ?? 0, terms: [...a].filter(([key]) => key !== "") };
}
export const toForm = (size: Size): Form =>
  new Map([["", size.constant] as [string, number], ...size.terms].filter(([, v]) => v !== 0));

export const mentions = (size: Size, name: string): boolean => size.terms.some(([key]) => key === name);

/** The number of features. It may be fractional or below 1: the caller checks. */
export function evaluateSize(size: Size, numbers: ReadonlyMap<string, number>): number {
  const value = size.terms.reduce((sum, [key, c]) => sum + c * (numbers.get(key) as number), size.constant);
  const whole = Math.round(value);
  return Math.abs(value - whole) < 1e-6 * Math.max(1, Math.abs(value)) ? whole : value;
}
