/**
 * The operations that a vector engine must provide: a small total set, from which the mathematics and the passes are made.
 * An engine implements each once, as code for its machine; the tests implement them in plain arithmetic.
 *
 * Operations are functions from operands to an expression of the engine's own kind. An expression is evaluated where it
 * stands, its operands in order, each once: used in two places, it is evaluated twice (keep it in a variable).
 *
 * A vector has `width` lanes of 32 bits. A lane is read as an f32 or as a 32-bit integer, as the operation says. Arithmetic on f32 is that of
 * IEEE 754: rounded to nearest, ties to even, subnormal numbers kept, -0 told from 0. A NaN that comes out may have any
 * sign and payload.
 */

/** Code, or lists of it, which run in order. */
export type Nested<Code> = Code | readonly Nested<Code>[];

/** A variable of one function, zero at first. Engines may keep it in a register. */
export type Variable<Value, Code> = {
  readonly get: Value;
  readonly set: (value: Value) => Code;
  /** Set it; the expression has the same value. */
  readonly tee: (value: Value) => Value;
};

/** A sum in f64, lane by lane: sums of many numbers are rounded to f32 only at their end. */
export type WideSum<Vector, Code> = {
  readonly clear: Code;
  /** Add each lane, widened. */
  readonly add: (x: Vector) => Code;
  /** The sum of all lanes, rounded to f32, in the first lane. The engine chooses the order in which lanes are added. */
  readonly total: () => Vector;
};

/**
 * `Vector`, `Mask`, `Whole`: the engine's expressions of a vector, of a truth value a lane, of one 32-bit integer. `Code`: what
 * runs and leaves no value.
 */
export type VectorOps<Vector, Mask, Whole, Code> = {
  /** Lanes of a vector: a power of two from 4 to 64. */
  readonly width: number;
  /** Whether `madd` is meant to round once. */
  readonly fused: boolean;

  readonly newVector: () => Variable<Vector, Code>;
  readonly newMask: () => Variable<Mask, Code>;
  readonly newWhole: () => Variable<Whole, Code>;
  readonly newSum: () => WideSum<Vector, Code>;

  // Memory: little-endian, numbers of 4 bytes. A number is at address `at`, unsigned, plus `offset`, at least 0, and need not
  // be aligned.
  readonly load: (at: Whole, offset: number) => Vector;
  /** The number there, in every lane. */
  readonly loadSplat: (at: Whole, offset: number) => Vector;
  readonly store: (at: Whole, x: Vector, offset: number) => Code;
  /** Only the first `count` lanes, 1 to `width`: nothing else is read or written. */
  readonly storeFirst: (at: Whole, x: Vector, count: number, offset: number) => Code;
  /** So many zeros and nothing else. */
  readonly storeZeros: (at: Whole, count: number, offset: number) => Code;

  // Arithmetic on f32 lanes.
  /** The f32 nearest to a number, in every lane. */
  readonly const: (value: number) => Vector;
  /** The sign bit turned, cleared: of a NaN too. */
  readonly neg: (x: Vector) => Vector;
  readonly abs: (x: Vector) => Vector;
  readonly sqrt: (x: Vector) => Vector;
  readonly add: (x: Vector, y: Vector) => Vector;
  readonly sub: (x: Vector, y: Vector) => Vector;
  readonly mul: (x: Vector, y: Vector) => Vector;
  readonly div: (x: Vector, y: Vector) => Vector;
  /** `x * y + z`: rounded once where `fused` and the machine can, else twice. */
  readonly madd: (x: Vector, y: Vector, z: Vector) => Vector;
  /** NaN where either is; -0 is below 0. */
  readonly min: (x: Vector, y: Vector) => Vector;
  readonly max: (x: Vector, y: Vector) => Vector;
  /** `y < x ? y : x`: x where either is NaN, and of equal zeros. */
  readonly pmin: (x: Vector, y: Vector) => Vector;
  /** `x < y ? y : x`. */
  readonly pmax: (x: Vector, y: Vector) => Vector;
  /** All lanes' sum, added in an order of the engine's, or largest (NaN where one is), in every lane. */
  readonly sumOfLanes: (x: Vector) => Vector;
  readonly maxOfLanes: (x: Vector) => Vector;

  // Comparisons, which are false beside NaN but for `ne`, and what is made of them.
  readonly eq: (x: Vector, y: Vector) => Mask;
  readonly ne: (x: Vector, y: Vector) => Mask;
  readonly lt: (x: Vector, y: Vector) => Mask;
  readonly gt: (x: Vector, y: Vector) => Mask;
  readonly both: (m: Mask, n: Mask) => Mask;
  /** x where the mask is true, else y. No lane's value changes. */
  readonly select: (x: Vector, y: Vector, mask: Mask) => Vector;
  /** x where the mask is true, else 0 (all bits). */
  readonly keep: (mask: Mask, x: Vector) => Vector;
  /** NaN where the mask is true, else x. */
  readonly orNaN: (x: Vector, mask: Mask) => Vector;
  /** x in the first `count` lanes, 0 to `width`, and the number `behind` (0) in the others. */
  readonly cut: (x: Vector, count: number, behind?: number) => Vector;

  /** The same lanes as 32-bit integers, modulo 2^32. */
  readonly int: {
    readonly const: (value: number) => Vector;
    readonly splat: (x: Whole) => Vector;
    /** Each lane's number: 0, 1, 2 and so on. */
    readonly lanes: Vector;
    readonly add: (x: Vector, y: Vector) => Vector;
    readonly sub: (x: Vector, y: Vector) => Vector;
    readonly mul: (x: Vector, y: Vector) => Vector;
    readonly and: (x: Vector, y: Vector) => Vector;
    readonly xor: (x: Vector, y: Vector) => Vector;
    /** By 0 to 31 bits. `_s` copies the sign, `_u` brings zeros. */
    readonly shl: (x: Vector, bits: number) => Vector;
    readonly shr_s: (x: Vector, bits: number) => Vector;
    readonly shr_u: (x: Vector, bits: number) => Vector;
    readonly eq: (x: Vector, y: Vector) => Mask;
    readonly ge_u: (x: Vector, y: Vector) => Mask;
    /** The f32 nearest to each signed integer. */
    readonly toFloat: (x: Vector) => Vector;
  };

  /** 32-bit integers, modulo 2^32: addresses and what is counted. `_u` takes them without a sign. */
  readonly whole: {
    /** From -2^31 to 2^32 - 1. */
    readonly const: (value: number) => Whole;
    readonly load: (at: Whole, offset: number) => Whole;
    readonly add: (x: Whole, y: Whole) => Whole;
    readonly mul: (x: Whole, y: Whole) => Whole;
    readonly shr_u: (x: Whole, y: Whole) => Whole;
    readonly rem_u: (x: Whole, y: Whole) => Whole;
    /** 1 or 0. */
    readonly eq: (x: Whole, y: Whole) => Whole;
  };

  // Control.
  /** The value of an expression, once the code has run. */
  readonly after: (code: Nested<Code>, x: Vector) => Vector;
  readonly when: (condition: Whole, code: Nested<Code>) => Code;
  /** x where the condition is not 0, else y; the other is not evaluated. */
  readonly choose: (condition: Whole, x: Whole, y: Whole) => Whole;
  /**
   * `for (counter = from; counter < to; counter += step) body`, with a sign; `to` is evaluated once, and `step` is above 0.
   * The counter is set even where the body never runs.
   */
  readonly loop: (
    counter: Variable<Whole, Code>,
    from: Whole | number,
    to: Whole | number,
    step: number,
    body: Nested<Code>,
  ) => Code;
};
