/**
 * Which product was meant, where equations have a mistake: `@` for a written `*`, `*` for `@`, or `W @ x` for `x @ W`. Knows
 * neither names nor sizes: the caller tries the equations with the other product.
 */
import { EquationError, fail, type Source } from "./equation-error.ts";
import { children } from "./names.ts";
import type { Equations, Expression } from "./parse.ts";

type Product = Expression & { readonly kind: "binary" | "product" };
/** One product in place of another. */
type Change = {
  readonly line: string;
  readonly says: string;
  readonly from: Product;
  readonly to: Product;
};

/** In the order in which they are tried. */
const says = {
  right: "has its matrix on the right",
  matrix: "multiplies by a matrix",
  element: "multiplies element by element",
};

/**
 * What `make` gives. Where it throws an EquationError, but the equations with another product in one place, or in all places
 * of its kind, have no mistake, the error says so at that place.
 * @param given the names of inputs and settings
 * @param attempt throws if the equations have a mistake
 * @param where what stands before a place in the line of a name
 */
export function orOtherProduct<T>(
  make: () => T,
  source: Source,
  equations: Equations,
  given: readonly string[],
  attempt: (equations: Equations) => void,
  where?: (line: string) => string,
): T {
  try {
    return make();
  } catch (error) {
    // Another name may be what is wrong.
    if (!(error instanceof EquationError) || /Did you mean|say so in a line/.test(error.message)) throw error;
    const changes = changesOf(equations, given);
    const sets = Object.values(says).flatMap((kind) => {
      const all = changes.filter((change) => change.says === kind);
      // What multiplies an input first, and of all of them only these: a gain of a state or of a gate is a vector.
      const together = all.filter(
        ({ to }) => to.kind !== "product" || kind === says.right || isOneOf(given, to.operand),
      );
      return [...[...together, ...all].slice(0, 16).map((change) => [change]), together];
    });
    for (const set of sets) {
      const [first] = set;
      if (first === undefined) continue;
      const to = new Map<unknown, Expression>(set.map((change) => [change.from, change.to]));
      try {
        attempt(JSON.parse(JSON.stringify(equations, (_, value) => to.get(value) ?? value)));
      } catch {
        continue;
      }
      const asItIs = (error.message.split("\n")[0] as string).replace(/^.*?line \d+, column \d+: /, "");
      const problem = `\`${show(first.from)}\` ${first.says}: did you mean \`${show(first.to)}\`? As it stands, ${asItIs}`;
      fail(source, first.from.span, problem, where?.(first.line));
    }
    throw error;
  }
}

function changesOf({ lines }: Equations, given: readonly string[]): Change[] {
  const known = new Set([...given, ...lines.map(({ target }) => target)]);
  const changes: Change[] = [];
  for (const { target, primed, expression } of lines) {
    const line = written(target, primed);
    const change = (from: Product, kind: string, operator: "*" | "@", left: Expression, right: Expression): void => {
      const [at, { span }] = [left.span, from];
      if (operator === "*") {
        changes.push({ line, says: kind, from, to: { kind: "binary", operator, left, right, at, span } });
      } else if (left.kind === "name" && !known.has(left.name)) {
        const matrix = { matrix: left.name, primed: left.primed };
        changes.push({ line, says: kind, from, to: { kind: "product", ...matrix, operand: right, at, span } });
      }
    };
    const walk = (from: Expression): void => {
      if (from.kind === "binary" && from.operator === "*") {
        change(from, says.element, "@", from.left, from.right);
        change(from, says.element, "@", from.right, from.left);
      }
      if (from.kind === "product") {
        const { matrix: name, primed, operand, at } = from;
        const isKnown = known.has(name);
        const left: Expression = { kind: "name", name, primed, span: at };
        if (isKnown) change(from, says.right, "@", operand, left);
        // What a capital letter names is meant as a matrix.
        if (isKnown || !/^\p{Lu}/u.test(name)) change(from, says.matrix, "*", left, operand);
      }
      children(from).forEach(walk);
    };
    walk(expression);
  }
  return changes;
}

const isOneOf = (names: readonly string[], e: Expression): boolean => e.kind === "name" && names.includes(e.name);

/** `W @ x`, `W * (...)`. */
function show(e: Product): string {
  const part = (of: Expression): string => (of.kind === "name" ? written(of.name, of.primed) : "(...)");
  return e.kind === "binary"
    ? `${part(e.left)} ${e.operator} ${part(e.right)}`
    : `${written(e.matrix, e.primed)} @ ${part(e.operand)}`;
}

const written = (name: string, primed: boolean): string => (primed ? `${name}'` : name);
