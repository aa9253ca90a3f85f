/**
 * What an assembler has written, as text that people can read and that the GNU assembler takes (Intel's syntax): a line an
 * instruction, with what a learner asks beside it. Knows no encoding: the assembler says of each instruction what it is.
 */
import type { Label, Memory, VectorFields } from "./assembler.ts";

/** One line: a label (`text` ends with `:`), an instruction with its bytes, or a comment that has a line of its own. */
export type Line = {
  readonly kind: "label" | "instruction" | "data" | "comment";
  /** Bytes from the start of the code, and those of the line, in hexadecimal. */
  readonly at: number;
  readonly bytes: string;
  readonly text: string;
  readonly comment?: string | undefined;
  /** What the GNU assembler is told in front of it so that it takes the same of several encodings. */
  readonly encoding?: string | undefined;
  /** Of a comment: whether what comes up to the next comment is long and says little. */
  readonly dull?: boolean | undefined;
};

type Entry = {
  readonly kind: Line["kind"];
  readonly at: number;
  readonly text: string;
  readonly comment?: string | undefined;
  readonly encoding?: string | undefined;
  readonly dull?: boolean;
  /** Where a jump leads, what is placed, and the constant that is read, with the bytes that are read of it. */
  readonly label?: Label;
  readonly constant?: { readonly offset: number; readonly bytes: number };
};

const wide = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const narrow = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const low = "al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b".split(" ");
const sizes: Readonly<Record<number, string>> = { 4: "dword", 8: "qword", 16: "xmmword", 32: "ymmword", 64: "zmmword" };
const predicates: Readonly<Record<number, string>> = { 0: "=", 1: "<", 4: "not =", 5: ">=", 30: ">" };

type Operand = number | Memory | { readonly value: number | bigint } | "cl";

const sum = (offset: number): string => (offset === 0 ? "" : offset < 0 ? ` - ${-offset}` : ` + ${offset}`);
const constantName = (offset: number): string => `constant_${offset}`;

function spelt(memory: Memory): string {
  if ("constant" in memory) return `[rip + ${constantName(memory.constant)}]`;
  const { base, index, scale = 1, offset = 0 } = memory;
  const more = index === undefined ? "" : ` + ${wide[index]}${scale === 1 ? "" : `*${scale}`}`;
  return `[${wide[base]}${more}${sum(offset)}]`;
}

export class Listing {
  private readonly entries: Entry[] = [];
  /** What lies so many bytes behind where a register points to. */
  private naming: (base: number, offset: number) => string | undefined = () => undefined;
  private made: readonly Line[] = [];

  /** All lines, once the assembler has finished. */
  get lines(): readonly Line[] {
    return this.made;
  }

  /** From here on, operands in memory are named by this. */
  name(naming: (base: number, offset: number) => string | undefined): void {
    this.naming = naming;
  }
  /** `dull`: what follows up to the next comment may be left out where people read it. */
  comment(at: number, text: string, dull = false): void {
    this.entries.push({ kind: "comment", at, text, dull });
  }
  add(at: number, text: string): void {
    this.entries.push({ kind: "instruction", at, text });
  }
  align(at: number, bytes: number): void {
    if (at % bytes !== 0) {
      this.entries.push({ kind: "data", at, text: `.balign ${bytes}` });
    }
  }
  place(at: number, label: Label): void {
    this.entries.push({ kind: "label", at, text: "", label });
  }
  jump(at: number, name: string, label: Label): void {
    const encoding = name === "call" ? undefined : "{disp32}";
    this.entries.push({ kind: "instruction", at, text: name, label, encoding });
  }
  /** What works on general registers: of 64 bits, of 32, or of 8. */
  general(at: number, name: string, width: boolean | 8, ...operands: readonly Operand[]): void {
    const names = width === 8 ? low : width ? wide : narrow;
    const texts = operands.map((one) => {
      if (one === "cl") return one;
      if (typeof one === "number") return names[one] as string;
      if ("value" in one) return String(one.value);
      // `lea` reads nothing there.
      return name === "lea" ? spelt(one) : `${width ? "qword" : "dword"} ptr ${spelt(one)}`;
    });
    const read = operands.find((one) => typeof one === "object" && !("value" in one)) as Memory | undefined;
    const encoding = width === 8 ? "{rex}" : read === undefined ? "{load}" : undefined;
    this.entries.push({
      ...{ kind: "instruction", at, text: `${name} ${texts.join(", ")}`, encoding },
      ...(read !== undefined && name !== "lea" && this.read(read, width ? 8 : 4)),
    });
  }
  /** One byte of a register to all of it, the rest zero. */
  widen(at: number, register: number): void {
    const text = `movzx ${narrow[register]}, ${low[register]}`;
    this.entries.push({ kind: "instruction", at, text, encoding: "{rex}" });
  }

  vector(at: number, fields: VectorFields, evex: boolean): void {
    const { name, form, bits, immediate, mask = 0, zeroing = false, broadcast = false } = fields;
    // What works on vectors begins with v.
    const prefix = /^[vktl]/.test(name) ? "" : "v";
    // What of EVEX masks lanes says how wide these are.
    const logic = evex && ["pand", "pandn", "por", "pxor"].includes(name) ? "d" : "";
    let memory: Memory | undefined;
    const unit = fields.unit ?? bits / 8;
    const operands = (form === "" ? [] : form.split(", ")).map((operand, k) => {
      const [kind, field] = operand.includes(" ") ? operand.split(" ") : ["", operand];
      const value = fields[field as "reg" | "second" | "last"] as number | Memory;
      const masked = k === 0 && mask > 0 ? `{k${mask}}${zeroing ? "{z}" : ""}` : "";
      if (typeof value === "object") {
        memory = value;
        if (kind === "plain") return spelt(value);
        return `${broadcast ? "dword" : sizes[unit]} ptr ${spelt(value)}${broadcast ? "{1to16}" : ""}${masked}`;
      }
      if (kind === "mask") return `k${value}${masked}`;
      if (kind === "tile") return `tmm${value}`;
      if (kind === "general") return narrow[value] as string;
      const width = kind === "xmm" ? 128 : kind === "half" ? bits / 2 : bits;
      return `${width === 512 ? "z" : width === 256 ? "y" : "x"}mm${value}${masked}`;
    });
    if (name === "blendvps") operands.push(`ymm${(immediate as number) >> 4}`);
    else if (immediate !== undefined) operands.push(String(immediate));
    const compares = name.includes("cmp") && immediate !== undefined;
    this.entries.push({
      ...{ kind: "instruction", at, text: `${prefix}${name}${logic} ${operands.join(", ")}`.trimEnd() },
      ...{ encoding: `${evex ? "{evex}" : "{vex3}"}${memory === undefined ? " {load}" : ""}` },
      ...(compares && { comment: `where ${predicates[immediate]}` }),
      ...(memory !== undefined && this.read(memory, broadcast ? 4 : unit)),
    });
  }

  private read(memory: Memory, bytes: number): Pick<Entry, "constant" | "comment"> {
    if ("constant" in memory) return { constant: { offset: memory.constant, bytes } };
    const { base, offset = 0 } = memory;
    return { comment: this.naming(base, offset) };
  }

  /** Behind the instructions come the constants. */
  finish(code: Uint8Array<ArrayBuffer>, end: number, constants: number): void {
    const view = new DataView(code.buffer);
    const numberAt = (at: number): string => {
      const bits = view.getUint32(at, true);
      const value = view.getFloat32(at, true);
      // Numbers are told from whole numbers and masks of bits by what they would be otherwise.
      const isNumber =
        bits === 0 || (Math.abs(value) > 1e-12 && Math.abs(value) < 1e12) || Math.abs(value) === Infinity;
      if (bits >>> 23 === 0 && bits < 64) return String(bits);
      return isNumber ? String(Number(value.toPrecision(9))) : `0x${bits.toString(16).padStart(8, "0")}`;
    };
    const numbers = ({ offset, bytes }: { offset: number; bytes: number }): string => {
      const all = Array.from({ length: bytes / 4 }, (_, k) => numberAt(constants + offset + 4 * k));
      return new Set(all).size === 1 ? (all[0] as string) : all.join(" ");
    };
    const hex = (from: number, to: number): string => hexOf(code.subarray(from, to));
    const names = this.names();
    const lines: Line[] = this.entries.map(({ kind, at, text, label, constant, comment, encoding, dull }, k) => {
      const to = kind === "comment" || kind === "label" ? at : (this.entries[k + 1]?.at ?? end);
      const name = label && names.get(label);
      const written = kind === "label" ? `${name}:` : name === undefined ? text : `${text} ${name}`;
      const says = constant === undefined ? comment : numbers(constant);
      return { kind, at, bytes: hex(at, to), text: written, comment: says, encoding, dull };
    });
    if (end < code.length) {
      if (constants < code.length) lines.push({ kind: "comment", at: end, bytes: "", text: "Constants" });
      if (end < constants) lines.push({ kind: "data", at: end, bytes: hex(end, constants), text: ".balign 64, 0" });
    }
    // Not all are read: an operation of vectors has its constants whether it is used or not.
    const begins =
      constants === code.length
        ? []
        : [...new Set([0, ...this.entries.flatMap(({ constant }) => (constant ? [constant.offset] : []))])].sort(
            (x, y) => x - y,
          );
    begins.forEach((offset, k) => {
      const [from, to] = [
        constants + offset,
        k + 1 < begins.length ? constants + (begins[k + 1] as number) : code.length,
      ];
      const words = Array.from({ length: (to - from) / 4 }, (_, word) => view.getUint32(from + 4 * word, true));
      const spelled = words.map((word) => `0x${word.toString(16).padStart(8, "0")}`);
      const same = words.length > 1 && new Set(words).size === 1;
      const text = same ? `.fill ${words.length}, 4, ${spelled[0]}` : `.long ${spelled.join(", ")}`;
      lines.push({ kind: "label", at: from, bytes: "", text: `${constantName(offset)}:` });
      const comment = numbers({ offset, bytes: to - from });
      lines.push({ kind: "data", at: from, bytes: hex(from, to), text, comment });
    });
    this.made = lines;
  }

  /** Labels by their own names, told apart by numbers; those without one are places within a function. */
  private names(): ReadonlyMap<Label, string> {
    const names = new Map<Label, string>();
    const taken = new Set<string>();
    let places = 0;
    for (const { kind, label } of this.entries) {
      if (kind !== "label" || label === undefined) continue;
      if (label.name === undefined) {
        names.set(label, `.L${++places}`);
        continue;
      }
      const plain = label.name.replace(/'/g, "_next").replace(/[^\w]+/g, "_");
      let name = plain;
      for (let k = 2; taken.has(name); k++) name = `${plain}_${k}`;
      taken.add(name);
      names.set(label, name);
    }
    return names;
  }
}

/** Bytes in hexadecimal. */
const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The lines as a file for the GNU assembler. `exact`: with what it has to be told so that it gives the same bytes. `short`:
 * without what is long and says little, for people.
 */
export function printListing(
  lines: readonly Line[],
  { exact = false, short = false }: { readonly exact?: boolean; readonly short?: boolean } = {},
): string {
  const printed: string[] = [".intel_syntax noprefix", ".text"];
  let left: number | undefined;
  lines.forEach(({ kind, bytes, text, comment, encoding, dull = false }, k) => {
    if (kind === "comment") {
      if (left !== undefined) printed.push(`    # (${left.toLocaleString("en-US")} instructions)`);
      left = short && dull ? 0 : undefined;
      printed.push(`${lines[k - 1]?.kind === "comment" ? "" : "\n"}# ${text}`);
      return;
    }
    if (left !== undefined) {
      if (kind === "instruction") left++;
      return;
    }
    if (kind === "label") {
      printed.push(text);
      return;
    }
    const written = kind === "data" && exact ? `.byte ${bytes.replace(/../g, ", 0x$&").slice(2)}` : text;
    const [name = "", ...operands] = written.split(" ");
    const prefix = exact && encoding !== undefined ? `${encoding} ` : "";
    const line = `    ${prefix}${operands.length === 0 ? name : `${name.padEnd(12)} ${operands.join(" ")}`}`;
    printed.push(comment === undefined ? line : `${line.padEnd(56)} # ${comment}`);
  });
  return `${printed.join("\n")}\n`;
}
