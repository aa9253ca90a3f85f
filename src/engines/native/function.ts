/**
 * One function of machine code, written with as many registers as it likes: they get real ones, or places on the stack, when all
 * of it is known (linear scan; Poletto and Sarkar 1999). Knows nothing about what the code computes.
 */
import type { Address, Assembler, Condition, Label } from "./assembler.ts";
import { rax, rcx, rdx, rsp } from "./assembler.ts";

export type Kind = "general" | "vector" | "mask";
/** A register that is not chosen yet. `variable`: set in several places, and zero at first. */
export type Register = { readonly kind: Kind; readonly variable: boolean; sets: number };

/** What a register has become. */
export type Chosen = (register: Register) => number;
export type Step = {
  readonly uses: readonly Register[];
  readonly defines: readonly Register[];
  /** Write the instructions. What is defined may have the register of something used, which is then read first. */
  readonly write: (a: Assembler, chosen: Chosen) => void;
};
/** Steps from one to another, both included, within those of a larger one. */
type Region = { readonly from: number; to: number; readonly repeats: boolean; readonly outer: Region | undefined };

/** Where the memory of the program begins: a register that all functions leave alone. */
export const memoryBase = 15;
/** For what lies on the stack while an instruction works on it, for shifts and divisions. */
const spares: Readonly<Record<Kind, (isVector32: boolean) => readonly number[]>> = {
  general: () => [rax, rcx, rdx],
  vector: (of32) => (of32 ? [29, 30, 31] : [13, 14, 15]),
  mask: () => [5, 6, 7],
};
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, k) => from + k);
const choices: Readonly<Record<Kind, (isVector32: boolean) => readonly number[]>> = {
  general: () => [3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 5],
  vector: (of32) => range(0, of32 ? 29 : 13),
  mask: () => range(1, 5),
};
const slotBytes = 64;

/** Write a function with `steps`, then `assemble` it. Parameters are whole numbers on the stack, the first nearest. */
export class NativeFunction {
  private readonly steps: Step[] = [];
  private readonly regions: Region[] = [];
  private readonly open: Region[] = [];
  /** What stands in a listing before a step. */
  private readonly comments = new Map<number, (readonly [text: string, dull: boolean])[]>();
  readonly parameters: readonly Register[];

  constructor(parameters: number) {
    this.parameters = Array.from({ length: parameters }, () => this.register("general", true));
  }

  register(kind: Kind, variable = false): Register {
    return { kind, variable, sets: 0 };
  }
  step(uses: readonly Register[], defines: readonly Register[], write: Step["write"]): number {
    for (const one of defines) one.sets++;
    return this.steps.push({ uses, defines, write }) - 1;
  }
  /** A line of its own before the next step, where there is a listing. The code is the same with it and without. */
  comment(text: string, dull = false): void {
    const at = this.steps.length;
    this.comments.set(at, [...(this.comments.get(at) ?? []), [text, dull]]);
  }
  /** Have the last step define another register, where it defined this one and no other. */
  retarget(from: Register, to: Register): boolean {
    const last = this.steps.at(-1);
    if (last === undefined || last.defines.length !== 1 || last.defines[0] !== from || from.variable) return false;
    const { uses, write } = last;
    this.steps[this.steps.length - 1] = {
      uses,
      defines: [to],
      write: (a, chosen) => write(a, (one) => chosen(one === from ? to : one)),
    };
    to.sets++;
    return true;
  }

  /** A place where a step may be put in later. */
  mark(): number {
    return this.step([], [], () => {});
  }
  insert(at: number, step: Step): void {
    this.steps[at] = step;
  }

  /** What is written by `body` may run several times, or not at all. */
  region(repeats: boolean, body: () => void): void {
    const region: Region = { from: this.steps.length, to: 0, repeats, outer: this.open.at(-1) };
    this.open.push(region);
    this.regions.push(region);
    body();
    this.open.pop();
    region.to = this.steps.length - 1;
  }

  /** The whole function at the assembler's place. */
  assemble(a: Assembler, label: Label): void {
    const of32 = a.isa === "avx512";
    const intervals = intervalsOf(this.steps, this.regions, this.parameters);
    const { places, slots, used } = allocate(this.steps, intervals, of32);
    const saved = used.general.filter((one) => one !== rax && one !== rcx && one !== rdx);
    a.align(16);
    a.place(label);
    for (const one of saved) a.push(one);
    const frame = slots * slotBytes;
    if (frame > 0) a.arithmeticWith("sub", rsp, frame, true);
    const slot = (index: number): Address => ({ base: rsp, offset: index * slotBytes });
    const load = (kind: Kind, to: number, from: Address): void => {
      if (kind === "general") a.move(to, from);
      else if (kind === "vector") a.load(to, from);
      else {
        a.move(rax, from, false);
        a.maskFrom(to, rax);
      }
    };
    const store = (kind: Kind, to: Address, from: number): void => {
      if (kind === "general") a.store(to, from, true);
      else if (kind === "vector") a.storeVector(to, from);
      else {
        a.maskTo(rax, from);
        a.store(to, rax);
      }
    };
    this.parameters.forEach((parameter, k) => {
      const place = places.get(parameter);
      if (place === undefined) return;
      const from = { base: rsp, offset: frame + 8 * (saved.length + 1 + k) };
      if (place.slot === undefined) a.move(place.register, from);
      else {
        a.move(rax, from);
        a.store(slot(place.slot), rax, true);
      }
    });
    for (const [register, place] of places) {
      if (!place.zero) continue;
      const to = place.register;
      if (place.slot === undefined) zeroed(a, register.kind, to);
      else {
        const [spare = 0] = spares[register.kind](of32);
        zeroed(a, register.kind, spare);
        store(register.kind, slot(place.slot), spare);
      }
    }
    const inRegister: Chosen = (register) => (places.get(register) as Place).register;
    const isOnStack = (register: Register): boolean => places.get(register)?.slot !== undefined;
    for (const [at, { uses, defines, write }] of this.steps.entries()) {
      if (a.listing !== undefined) {
        for (const [text, dull] of this.comments.get(at) ?? []) a.listing.comment(a.at, text, dull);
      }
      if (slots === 0 || !(uses.some(isOnStack) || defines.some(isOnStack))) {
        write(a, inRegister);
        continue;
      }
      const free = { general: 0, vector: 0, mask: 0 };
      const held = new Map<Register, number>();
      const spare = (register: Register): number => {
        const { kind } = register;
        const found = spares[kind](of32)[free[kind]++];
        if (found === undefined) throw new Error(`internal: a step with more than 3 ${kind} registers on the stack`);
        held.set(register, found);
        return found;
      };
      for (const one of new Set(uses)) {
        const { slot: index } = places.get(one) as Place;
        if (index !== undefined) load(one.kind, spare(one), slot(index));
      }
      // What is defined may take the register of what was used.
      const inUse = { ...free };
      free.general = free.vector = free.mask = 0;
      const after: (() => void)[] = [];
      for (const one of defines) {
        const { slot: index } = places.get(one) as Place;
        if (index === undefined) continue;
        const found =
          held.get(one) ??
          (inUse[one.kind] > 2 ? (spares[one.kind](of32)[0] as number) : (spares[one.kind](of32)[2] as number));
        held.set(one, found);
        after.push(() => store(one.kind, slot(index), found));
      }
      write(a, (register) => held.get(register) ?? inRegister(register));
      for (const finish of after) finish();
    }
    if (frame > 0) a.arithmeticWith("add", rsp, frame, true);
    for (const one of saved.toReversed()) a.pop(one);
    a.ret();
  }

  // Control.

  /** `for (; counter < end; counter += step) body`: signed; `end` is a number of 32 bits or a register. */
  loop(counter: Register, end: Register | number, step: number, body: () => void): void {
    const uses = typeof end === "number" ? [counter] : [counter, end];
    const compare = (a: Assembler, chosen: Chosen): void => {
      if (typeof end === "number") a.arithmeticWith("cmp", chosen(counter), end, true);
      else a.arithmetic("cmp", chosen(counter), chosen(end), true);
    };
    let [top, past]: (Label | undefined)[] = [];
    this.region(true, () => {
      this.step(uses, [], (a, chosen) => {
        [top, past] = [a.label(), a.label()];
        compare(a, chosen);
        a.jumpIf("ge", past);
        a.align(32);
        a.place(top);
      });
      this.region(false, body);
      this.step([counter], [counter], (a, chosen) => a.arithmeticWith("add", chosen(counter), step, true));
      this.step(uses, [], (a, chosen) => {
        compare(a, chosen);
        a.jumpIf("l", top as Label);
        a.place(past as Label);
      });
    });
  }

  /** Call a function with these numbers, which lie below the stack's end until it has begun. No vector outlives a call. */
  call(label: Label, values: readonly Register[]): void {
    const bytes = 8 * values.length;
    values.forEach((value, k) => {
      this.step([value], [], (a, chosen) => a.store({ base: rsp, offset: 8 * k - bytes }, chosen(value), true));
    });
    this.step([], [], (a) => {
      if (bytes > 0) a.arithmeticWith("sub", rsp, bytes, true);
      a.call(label);
      if (bytes > 0) a.arithmeticWith("add", rsp, bytes, true);
    });
  }

  /** Run `body` where the comparison of two numbers holds. */
  branch(x: Register, condition: Condition, y: Register | number, body: () => void): void {
    let past: Label | undefined;
    this.step(typeof y === "number" ? [x] : [x, y], [], (a, chosen) => {
      past = a.label();
      if (typeof y === "number") a.arithmeticWith("cmp", chosen(x), y);
      else a.arithmetic("cmp", chosen(x), chosen(y));
      a.jumpIf(opposite[condition], past);
    });
    this.region(false, body);
    this.step([], [], (a) => a.place(past as Label));
  }
}

const opposite: Readonly<Record<Condition, Condition>> = {
  ...{ b: "ae", ae: "b", e: "ne", ne: "e", be: "a", a: "be", l: "ge", ge: "l", le: "g", g: "le" },
};
function zeroed(a: Assembler, kind: Kind, to: number): void {
  if (kind === "general") a.moveConstant(to, 0);
  else if (kind === "vector") a.binary("pxor", to, to, to);
  else a.xorMasks(to, to, to);
}

/** Before the first step. */
const atEntry = -1;

type Place = { register: number; slot?: number; zero: boolean };
type Interval = {
  readonly register: Register;
  readonly start: number;
  readonly end: number;
  readonly weight: number;
  readonly zero: boolean;
};

function intervalsOf(steps: readonly Step[], regions: readonly Region[], parameters: readonly Register[]): Interval[] {
  type Access = { readonly at: number; readonly defines: boolean };
  const accesses = new Map<Register, Access[]>();
  const note = (register: Register, access: Access): void => {
    const list = accesses.get(register);
    if (list === undefined) accesses.set(register, [access]);
    else list.push(access);
  };
  steps.forEach(({ uses, defines }, at) => {
    for (const one of uses) note(one, { at, defines: false });
    for (const one of defines) note(one, { at, defines: true });
  });
  const within = ({ from, to }: Region, at: number): boolean => at >= from && at <= to;
  // Of each step the innermost region: the others that it lies in are around that one.
  const innermost: (Region | undefined)[] = steps.map(() => undefined);
  for (const region of regions) innermost.fill(region, region.from, region.to + 1);
  const around = (at: number, tells: (region: Region) => boolean): boolean => {
    for (let region = innermost[at]; region !== undefined; region = region.outer) if (tells(region)) return true;
    return false;
  };
  // How often a step may run, in steps of ten; a region comes after those around it.
  const often = new Map<Region, number>();
  for (const region of regions) {
    const { outer, repeats } = region;
    often.set(region, (outer === undefined ? 1 : (often.get(outer) as number)) * (repeats ? 10 : 1));
  }
  const weights = innermost.map((region) => (region === undefined ? 1 : (often.get(region) as number)));
  const given = new Set(parameters);
  return [...accesses].map(([register, list]) => {
    const first = list[0] as Access;
    const last = list.at(-1) as Access;
    let [start, end] = [first.at, last.at];
    // Set in a place that may be passed over, or read before it is set.
    const unset = !first.defines || around(first.at, (region) => !within(region, last.at));
    const zero = register.variable && unset && !given.has(register);
    if (zero || given.has(register)) start = atEntry;
    const loops = new Map<Region, { readonly one: Access; inside: number }>();
    for (const one of list) {
      around(one.at, (region) => {
        if (!region.repeats) return false;
        const known = loops.get(region);
        if (known === undefined) loops.set(region, { one, inside: 1 });
        else known.inside++;
        return false;
      });
    }
    for (const [loop, { one, inside }] of loops) {
      const outside = inside < list.length || zero || given.has(register);
      const maybe = !one.defines || innermost[one.at] !== loop;
      if (!outside && !(register.variable && maybe)) continue;
      start = Math.min(start, loop.from);
      end = Math.max(end, loop.to);
    }
    const weight = list.reduce((sum, { at }) => sum + (weights[at] as number), 0);
    return { register, start, end, weight: weight / (end - start + 1), zero };
  });
}

function allocate(
  steps: readonly Step[],
  intervals: readonly Interval[],
  of32: boolean,
): {
  readonly places: ReadonlyMap<Register, Place>;
  readonly slots: number;
  readonly used: Readonly<Record<Kind, readonly number[]>>;
} {
  const places = new Map<Register, Place>();
  const used = { general: new Set<number>(), vector: new Set<number>(), mask: new Set<number>() };
  let slots = 0;
  const all = intervals.toSorted((x, y) => x.start - y.start);
  for (const kind of ["general", "vector", "mask"] as const) {
    let active: Interval[] = [];
    const free = [...choices[kind](of32)];
    const spill = (interval: Interval): void => {
      places.set(interval.register, { register: -1, slot: slots++, zero: interval.zero });
    };
    for (const interval of all) {
      const { register, start, zero } = interval;
      if (register.kind !== kind) continue;
      let near: number | undefined;
      if (active.some(({ end }) => end <= start)) {
        const ended = active.filter(({ end }) => end <= start);
        active = active.filter(({ end }) => end > start);
        for (const one of ended) free.unshift((places.get(one.register) as Place).register);
        // Best that of an operand which ends here: nothing has to be moved then.
        const operands = steps[start]?.uses ?? [];
        const operand = ended.find((one) => one.end === start && operands.includes(one.register));
        if (operand !== undefined) near = (places.get(operand.register) as Place).register;
      }
      let chosen = near ?? free[0];
      if (chosen === undefined) {
        const cheapest = active.reduce((x, y) => (y.weight < x.weight ? y : x));
        if (cheapest.weight >= interval.weight) {
          spill(interval);
          continue;
        }
        chosen = (places.get(cheapest.register) as Place).register;
        active = active.filter((one) => one !== cheapest);
        spill(cheapest);
      } else free.splice(free.indexOf(chosen), 1);
      places.set(register, { register: chosen, zero });
      used[kind].add(chosen);
      active.push(interval);
    }
  }
  const listed = ({ general, vector, mask }: typeof used) => ({
    general: [...general],
    vector: [...vector],
    mask: [...mask],
  });
  return { places, slots, used: listed(used) };
}
