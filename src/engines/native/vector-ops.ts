/** The operations of vectors as machine code: on 16 lanes with AVX-512, on 8 with AVX2. Knows nothing about what is made of them. */
import type { Nested, Variable, VectorOps, WideSum } from "../vector/vector-ops.ts";
import { type Assembler, type Binary, type Memory, predicates, rax, rcx, rdx } from "./assembler.ts";
import type { Bf16Unit } from "./bf16.ts";
import { type Chosen, type Kind, memoryBase, type NativeFunction, type Register } from "./function.ts";

/** Code and expressions are written where they are called; an expression leaves its value in a register. */
export type Code = () => void;
export type Whole = { (): Register; readonly known?: number; readonly sum?: readonly [of: Whole, more: number] };
export type Vector = { (): Register; readonly operand?: () => Operand };
export type Mask = () => Register;
export type Ops = VectorOps<Vector, Mask, Whole, Code>;

/** What the last operand of an instruction can be: a register, or memory: a whole vector, or one number for all lanes. */
type Operand = {
  readonly uses: readonly Register[];
  readonly at: (chosen: Chosen) => number | Memory;
  readonly broadcast?: boolean;
};

/** `vnni`: whether it has dot products of bytes. */
export type Host = { readonly fma: boolean; readonly bf16?: Bf16Unit | undefined; readonly vnni?: boolean };

export const runCode = (code: Nested<Code>): void => {
  if (typeof code === "function") code();
  else code.forEach(runCode);
};

/** The values of expressions, which are evaluated in order: a variable's is kept, where a later one sets it. */
function evaluate(f: NativeFunction, ...expressions: readonly (() => Register)[]): Register[] {
  const values = expressions.map((expression) => {
    const register = expression();
    const { sets } = register;
    return { register, sets, put: register.variable ? f.mark() : 0 };
  });
  return values.map(({ register, sets, put }) => {
    if (!register.variable || register.sets === sets) return register;
    const kept = f.register(register.kind);
    f.insert(put, {
      uses: [register],
      defines: [kept],
      write: (a, chosen) => move(a, register.kind, chosen(kept), chosen(register)),
    });
    return kept;
  });
}

function move(a: Assembler, kind: Kind, to: number, from: number): void {
  if (to === from) return;
  if (kind === "general") a.move(to, from);
  else if (kind === "vector") a.load(to, from);
  else a.moveMask(to, from);
}

function newVariable<Value extends () => Register>(f: NativeFunction, kind: Kind): Variable<Value, Code> {
  const register = f.register(kind, true);
  const put = (value: Value): void => {
    const from = value();
    if (from === register || f.retarget(from, register)) return;
    f.step([from], [register], (a, chosen) => move(a, kind, chosen(register), chosen(from)));
  };
  const get = (() => register) as Value;
  const tee = (value: Value): Value =>
    (() => {
      put(value);
      return register;
    }) as Value;
  return { get, set: (value) => () => put(value), tee };
}

/** A step that makes one value. */
const maker =
  (f: NativeFunction, kind: Kind) =>
  (uses: readonly Register[], write: (a: Assembler, to: number, chosen: Chosen) => void): Register => {
    const to = f.register(kind);
    f.step(uses, [to], (a, chosen) => write(a, chosen(to), chosen));
    return to;
  };

/** Whether an instruction can hold it: as a signed number of 32 bits. */
const isShort = (value: number): boolean => value >= -(2 ** 31) && value < 2 ** 31;
/** Of a whole number with its sign, for a register of 64 bits. */
const constantOf = (value: number): number | bigint => (value >= 0 && value < 2 ** 32 ? value : BigInt(value));

/** The operations on whole numbers: what programs around passes are made of, too. */
export function wholeOps(f: NativeFunction) {
  const make = maker(f, "general");
  const newWhole = (): Variable<Whole, Code> => newVariable(f, "general");
  const known = (value: number): Whole =>
    Object.assign(() => make([], (a, to) => a.moveConstant(to, constantOf(value))), { known: value });
  const toAddress = (offset: number): { uses: readonly Register[]; at: (chosen: Chosen) => Memory } => {
    if (isShort(offset)) return { uses: [], at: () => ({ base: memoryBase, offset }) };
    const far = known(offset)();
    return { uses: [far], at: (chosen) => ({ base: memoryBase, index: chosen(far) }) };
  };
  /** Where a number lies. */
  const place = (at: Whole, offset: number): { uses: readonly Register[]; at: (chosen: Chosen) => Memory } => {
    if (at.known !== undefined) return toAddress(at.known + offset);
    if (at.sum !== undefined) return place(at.sum[0], at.sum[1] + offset);
    const index = at();
    if (isShort(offset)) {
      return { uses: [index], at: (chosen) => ({ base: memoryBase, index: chosen(index), offset }) };
    }
    const far = make([index], (a, to, chosen) => {
      a.moveConstant(rdx, constantOf(offset));
      a.address(to, { base: rdx, index: chosen(index) });
    });
    return { uses: [far], at: (chosen) => ({ base: memoryBase, index: chosen(far) }) };
  };
  const two =
    (write: (a: Assembler, to: number, x: number, y: number) => void) =>
    (x: Whole, y: Whole): Whole =>
    () => {
      const [p, q] = evaluate(f, x, y) as [Register, Register];
      return make([p, q], (a, to, chosen) => write(a, to, chosen(p), chosen(q)));
    };
  const byKnown =
    (write: (a: Assembler, to: number, x: number, by: number) => void) =>
    (x: Whole, by: number): Whole =>
    () => {
      const p = x();
      return make([p], (a, to, chosen) => write(a, to, chosen(p), by));
    };
  const addKnown = byKnown((a, to, x, by) => a.address(to, { base: x, offset: by }));
  const mulKnown = byKnown((a, to, x, by) => a.multiplyBy(to, x, by, true));
  const shiftKnown = byKnown((a, to, x, by) => {
    if (to !== x) a.move(to, x, false);
    a.shiftRight(to, by & 31);
  });
  const maskKnown = byKnown((a, to, x, by) => {
    if (to !== x) a.move(to, x, false);
    a.arithmeticWith("and", to, by - 1);
  });
  const addBoth = two((a, to, x, y) => a.address(to, { base: x, index: y }));
  const mulBoth = two((a, to, x, y) => {
    a.move(rax, x);
    a.multiply(rax, y, true);
    a.move(to, rax);
  });
  const shiftBoth = two((a, to, x, y) => {
    // One of them may be in a spare register: x in rax alone, y in rax or rdx.
    a.move(rcx, y, false);
    a.move(rax, x, false);
    a.shiftRightByCl(rax);
    a.move(to, rax, false);
  });
  const restOf = two((a, to, x, y) => {
    a.move(rcx, y, false);
    a.move(rax, x, false);
    a.moveConstant(rdx, 0);
    a.divide(rcx);
    a.move(to, rdx, false);
  });
  const whole = {
    const: known,
    load: (at: Whole, offset: number): Whole => {
      return () => {
        const from = place(at, offset);
        return make(from.uses, (a, to, chosen) => a.move(to, from.at(chosen), false));
      };
    },
    add: (x: Whole, y: Whole): Whole => {
      if (x.known !== undefined && y.known !== undefined) return known(x.known + y.known);
      if (x.known !== undefined) return whole.add(y, x);
      if (y.known === undefined || !isShort(y.known)) return addBoth(x, y);
      if (y.known === 0) return x;
      const sum = addKnown(x, y.known);
      return y.known > 0 ? Object.assign(sum, { sum: [x, y.known] as const }) : sum;
    },
    mul: (x: Whole, y: Whole): Whole => {
      if (x.known !== undefined && y.known !== undefined) return known(x.known * y.known);
      if (x.known !== undefined) return whole.mul(y, x);
      if (y.known === undefined || !isShort(y.known)) return mulBoth(x, y);
      return y.known === 0 ? y : y.known === 1 ? x : mulKnown(x, y.known);
    },
    shr_u: (x: Whole, y: Whole): Whole => (y.known === undefined ? shiftBoth(x, y) : shiftKnown(x, y.known)),
    rem_u: (x: Whole, y: Whole): Whole => {
      const by = y.known ?? 0;
      return by > 0 && (by & (by - 1)) === 0 ? maskKnown(x, by) : restOf(x, y);
    },
    eq: two((a, to, x, y) => {
      a.arithmetic("cmp", x, y);
      a.set("e", rax);
      a.move(to, rax, false);
    }),
  };
  const when = (condition: Whole, code: Nested<Code>): Code => {
    return () => f.branch(condition(), "ne", 0, () => runCode(code));
  };
  const choose = (condition: Whole, x: Whole, y: Whole): Whole => {
    return () => {
      const made = newWhole();
      const test = condition();
      f.branch(test, "ne", 0, made.set(x));
      f.branch(test, "e", 0, made.set(y));
      return made.get();
    };
  };
  const loop = (
    counter: Variable<Whole, Code>,
    from: Whole | number,
    to: Whole | number,
    step: number,
    body: Nested<Code>,
  ): Code => {
    return () => {
      counter.set(typeof from === "number" ? known(from) : from)();
      const end = typeof to === "number" ? to : (to.known ?? to());
      // Evaluated once: the body may set what it is made of.
      const kept =
        typeof end === "number"
          ? isShort(end)
            ? end
            : known(end)()
          : end.variable
            ? make([end], (a, into, chosen) => a.move(into, chosen(end)))
            : end;
      f.loop(counter.get(), kept, step, () => runCode(body));
    };
  };
  return { whole, place, newWhole, when, choose, loop };
}

const oneFloat = new Float32Array(1);
const itsBits = new Int32Array(oneFloat.buffer);
function floatBits(value: number): number {
  oneFloat[0] = value;
  return itsBits[0] as number;
}

/** The operations in a function, whose constants the assembler keeps. */
export function vectorOps(f: NativeFunction, assembler: Assembler, { fma }: Host): Ops {
  const masked = assembler.isa === "avx512";
  const width = masked ? 16 : 8;
  const lanes = Array.from({ length: width }, (_, lane) => lane);
  const { place, ...others } = wholeOps(f);
  const make = maker(f, "vector");
  /** Truth values: in registers of their own, or as vectors of ones and zeros. */
  const makeMask = maker(f, masked ? "mask" : "vector");
  const newVector = (): Variable<Vector, Code> => newVariable(f, "vector");

  const inMemory = (operand: () => Operand): Vector => {
    const read = (): Register => {
      const { uses, at, broadcast } = operand();
      return make(uses, (a, to, chosen) => (broadcast ? a.broadcast(to, at(chosen)) : a.load(to, at(chosen))));
    };
    return Object.assign(read, { operand });
  };
  const operandOf = (x: Vector): Operand => {
    if (x.operand !== undefined) return x.operand();
    const register = x();
    return { uses: [register], at: (chosen) => chosen(register) };
  };
  /** Two operands in order, of which the second may lie in memory. */
  const pair = (x: () => Register, y: Vector): readonly [Register, Operand] => {
    if (y.operand !== undefined) return [x(), y.operand()];
    const [p, q] = evaluate(f, x, y) as [Register, Register];
    return [p, { uses: [q], at: (chosen) => chosen(q) }];
  };
  const words = (bits: (lane: number) => number): Vector => {
    const at = assembler.constants(lanes.map(bits));
    return inMemory(() => ({ uses: [], at: () => at }));
  };
  const word = (bits: number): Vector => {
    if (!masked) return words(() => bits);
    const at = assembler.constants([bits]);
    return inMemory(() => ({ uses: [], at: () => at, broadcast: true }));
  };
  const unary =
    (write: (a: Assembler, to: number, x: number) => void) =>
    (x: Vector): Vector =>
    () => {
      const p = x();
      return make([p], (a, to, chosen) => write(a, to, chosen(p)));
    };
  const binary =
    (op: Binary) =>
    (x: Vector, y: Vector): Vector =>
    () => {
      const [p, q] = pair(x, y);
      const broadcast = q.broadcast === true;
      return make([p, ...q.uses], (a, to, chosen) => a.binary(op, to, chosen(p), q.at(chosen), { broadcast }));
    };
  /** Operands that are needed more than once. */
  const keeping =
    (build: (...kept: readonly Vector[]) => Vector) =>
    (...operands: readonly Vector[]): Vector =>
    () => {
      const registers = evaluate(f, ...operands);
      return build(...registers.map((register) => () => register))();
    };

  const [add, sub, mul, div] = [binary("addps"), binary("subps"), binary("mulps"), binary("divps")];
  const [or, xor, and] = [binary("por"), binary("pxor"), binary("pand")];
  const [below, above] = [binary("minps"), binary("maxps")];
  const register = (one: Register): Operand => ({ uses: [one], at: (chosen) => chosen(one) });
  const multiplyAdd = (x: Vector, y: Vector, z: Vector): Vector => {
    return () => {
      const [p, q, r] = ((): readonly [Register, Operand, Operand] => {
        if (z.operand !== undefined) {
          const [one, other] = evaluate(f, x, y) as [Register, Register];
          return [one, register(other), z.operand()];
        }
        const constant = y.operand?.();
        if (constant?.uses.length === 0) {
          const [one, other] = evaluate(f, x, z) as [Register, Register];
          return [one, constant, register(other)];
        }
        const [one, other, third] = evaluate(f, x, y, z) as [Register, Register, Register];
        return [one, register(other), register(third)];
      })();
      const broadcast = q.broadcast === true || r.broadcast === true;
      return make([p, ...q.uses, ...r.uses], (a, to, chosen) => {
        const [first, second, third] = [chosen(p), q.at(chosen), r.at(chosen)];
        if (to === third) a.binary("fmadd231ps", to, first, second, { broadcast });
        else if (to === second) a.binary("fmadd213ps", to, first, third, { broadcast });
        else {
          if (to !== first) a.load(to, first);
          if (typeof second === "number") a.binary("fmadd213ps", to, second, third, { broadcast });
          else a.binary("fmadd132ps", to, third as number, second, { broadcast });
        }
      });
    };
  };

  const compare =
    (predicate: number) =>
    (x: Vector, y: Vector): Mask =>
    () => {
      const [p, q] = pair(x, y);
      return makeMask([p, ...q.uses], (a, to, chosen) => {
        if (masked) a.compareToMask("ps", to, chosen(p), q.at(chosen), predicate, q.broadcast);
        else a.compare(to, chosen(p), q.at(chosen), predicate);
      });
    };
  const compareWhole =
    (predicate: number) =>
    (x: Vector, y: Vector): Mask =>
    () => {
      const [p, q] = pair(x, y);
      return makeMask([p, ...q.uses], (a, to, chosen) => {
        if (masked) a.compareToMask("ud", to, chosen(p), q.at(chosen), predicate, q.broadcast);
        else a.compareIntegers(to, chosen(p), q.at(chosen));
      });
    };
  const equal = compareWhole(predicates.eq);
  const notBelow = masked
    ? compareWhole(predicates.ge)
    : keeping((x, y) => equal(binary("pmaxud")(x as Vector, y as Vector), x as Vector));
  const select = (x: Vector, y: Vector, mask: Mask): Vector => {
    return () => {
      const [p, q, m] = evaluate(f, x, y, mask) as [Register, Register, Register];
      return make([p, q, m], (a, to, chosen) => {
        if (masked) a.blend(to, chosen(q), chosen(p), chosen(m));
        else a.blendBySign(to, chosen(q), chosen(p), chosen(m));
      });
    };
  };
  const keep = (mask: Mask, x: Vector): Vector => {
    if (!masked) return and(mask, x);
    return () => {
      const [m, p] = pair(mask, x);
      return make([m, ...p.uses], (a, to, chosen) => {
        if (p.broadcast) a.broadcast(to, p.at(chosen), chosen(m));
        else a.load(to, p.at(chosen), chosen(m));
      });
    };
  };
  const firstLanes = (count: number): Mask => {
    if (!masked) return words((lane) => (lane < count ? -1 : 0));
    return () =>
      makeMask([], (a, to) => {
        a.moveConstant(rax, 2 ** count - 1);
        a.maskFrom(to, rax);
      });
  };
  const notANumber = word(0x7fc0_0000);
  const orNaN = (x: Vector, mask: Mask): Vector => {
    return () => {
      const [p, m] = evaluate(f, x, mask) as [Register, Register];
      if (!masked) return make([p, m], (a, to, chosen) => a.binary("por", to, chosen(p), chosen(m)));
      const nan = operandOf(notANumber);
      return make([p, m], (a, to, chosen) => a.blend(to, chosen(p), nan.at(chosen), chosen(m), true));
    };
  };
  const bothMasks = (m: Mask, n: Mask): Mask => {
    if (!masked) return and(m, n);
    return () => {
      const [p, q] = evaluate(f, m, n) as [Register, Register];
      return makeMask([p, q], (a, to, chosen) => a.andMasks(to, chosen(p), chosen(q)));
    };
  };

  /** Each adds lanes that are further apart. */
  const swaps = [
    ...(masked
      ? [0x4e, 0xb1].map((order) => unary((a, to, x) => a.permuteFours(to, x, order)))
      : [unary((a, to, x) => a.permuteHalves(to, x, 1))]),
    ...[0x4e, 0xb1].map((order) => unary((a, to, x) => a.permute(to, x, order))),
  ];
  const overLanes =
    (op: (x: Vector, y: Vector) => Vector) =>
    (x: Vector): Vector =>
      swaps.reduce((all, swap) => keeping((kept) => op(kept as Vector, swap(kept as Vector)))(all), x);
  const max = keeping((x, y) => {
    const [one, other] = [above(x as Vector, y as Vector), above(y as Vector, x as Vector)];
    // -0 and 0 differ by their signs: 0 comes out; of NaN and a number NaN.
    return keeping((p, q) =>
      keeping((odd) => sub(or(p as Vector, odd as Vector), odd as Vector))(xor(p as Vector, q as Vector)),
    )(one, other);
  });
  const shift =
    (op: "pslld" | "psrad" | "psrld") =>
    (x: Vector, bits: number): Vector =>
      unary((a, to, p) => a.shift(op, to, p, bits))(x);

  const newSum = (): WideSum<Vector, Code> => {
    const [low, high] = [newVector(), newVector()];
    const widened = unary((a, to, x) => a.widen(to, x));
    const upper = unary((a, to, x) => a.upperHalf(to, x));
    const plus = binary("addpd");
    const swapWide = unary((a, to, x) => a.permuteWide(to, x, 0x55));
    return {
      clear: () => runCode([low.set(word(0)), high.set(word(0))]),
      add: (x) => () => {
        const [kept] = evaluate(f, x) as [Register];
        const value: Vector = () => kept;
        runCode([low.set(plus(low.get, widened(value))), high.set(plus(high.get, widened(upper(value))))]);
      },
      total: () => {
        const sum = [...swaps.slice(0, masked ? 2 : 1), swapWide].reduce<Vector>(
          (all, swap) => keeping((kept) => plus(kept as Vector, swap(kept as Vector)))(all),
          plus(low.get, high.get),
        );
        return unary((a, to, x) => a.narrow(to, x))(sum);
      },
    };
  };

  const storing =
    (write: (a: Assembler, to: Memory, x: number, chosen: Chosen) => void, ...more: readonly Register[]) =>
    (at: Whole, x: Vector, offset: number): void => {
      const to = place(at, offset);
      const sets = to.uses.map((one) => one.sets);
      const value = x();
      if (to.uses.some((one, k) => one.sets !== sets[k])) throw new Error("internal: a value that moves its own place");
      f.step([value, ...to.uses, ...more], [], (a, chosen) => write(a, to.at(chosen) as Memory, chosen(value), chosen));
    };
  const store = storing((a, to, x) => a.storeVector(to, x));
  const storeFirst = (at: Whole, x: Vector, count: number, offset: number): void => {
    if (count === width) store(at, x, offset);
    else if (count === 1) storing((a, to, value) => a.storeFirst(to, value))(at, x, offset);
    else {
      const mask = firstLanes(count)();
      storing((a, to, value, chosen) => {
        if (masked) a.storeVector(to, value, chosen(mask));
        else a.storeMasked(to, value, chosen(mask));
      }, mask)(at, x, offset);
    }
  };

  return {
    ...{ width, fused: fma, ...others },
    ...{ newVector, newMask: () => newVariable(f, masked ? "mask" : "vector"), newSum },
    load: (at, offset) => inMemory(() => place(at, offset)),
    loadSplat: (at, offset) => {
      const operand = (): Operand => ({ ...place(at, offset), broadcast: true });
      const read = inMemory(operand);
      return masked ? read : () => read();
    },
    store: (at, x, offset) => () => store(at, x, offset),
    storeFirst: (at, x, count, offset) => () => storeFirst(at, x, count, offset),
    storeZeros: (at, count, offset) => () => {
      for (let k = 0; k < count; k += width) storeFirst(at, word(0), Math.min(width, count - k), offset + 4 * k);
    },

    const: (value) => word(floatBits(value)),
    neg: (x) => xor(x, word(0x8000_0000)),
    abs: (x) => and(x, word(0x7fff_ffff)),
    sqrt: unary((a, to, x) => a.unary("sqrtps", to, x)),
    ...{ add, sub, mul, div },
    madd: fma ? multiplyAdd : (x, y, z) => add(mul(x, y), z),
    min: keeping((x, y) => or(below(x as Vector, y as Vector), below(y as Vector, x as Vector))),
    max,
    pmin: keeping((x, y) => below(y as Vector, x as Vector)),
    pmax: keeping((x, y) => above(y as Vector, x as Vector)),
    ...{ sumOfLanes: overLanes(add), maxOfLanes: overLanes(max) },

    eq: compare(predicates.eq),
    ne: compare(predicates.ne),
    lt: compare(predicates.lt),
    gt: compare(predicates.gt),
    ...{ both: bothMasks, select, keep, orNaN },
    cut: (x, count, behind = 0) => {
      if (count === width) return x;
      return behind === 0 ? keep(firstLanes(count), x) : select(x, word(floatBits(behind)), firstLanes(count));
    },

    int: {
      const: word,
      splat: (x) => () => {
        const p = x();
        return make([p], (a, to, chosen) => a.broadcastGeneral(to, chosen(p)));
      },
      lanes: words((lane) => lane),
      add: binary("paddd"),
      sub: binary("psubd"),
      mul: binary("pmulld"),
      ...{ and, xor },
      ...{ shl: shift("pslld"), shr_s: shift("psrad"), shr_u: shift("psrld") },
      ...{ eq: equal, ge_u: notBelow },
      toFloat: unary((a, to, x) => a.unary("cvtdq2ps", to, x)),
    },
    after: (code, x) => () => {
      runCode(code);
      return x();
    },
  };
}
