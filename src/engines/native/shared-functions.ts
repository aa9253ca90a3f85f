/** Functions that other code calls, each written once. Knows nothing about what they compute. */
import type { Assembler, Label } from "./assembler.ts";
import { NativeFunction } from "./function.ts";
import { type Host, type Ops, vectorOps, type Whole } from "./vector-ops.ts";

/** Functions by what they are made for. */
export class SharedFunctions {
  private readonly a: Assembler;
  private readonly host: Host;
  private readonly functions = new Map<string, readonly [Label, NativeFunction]>();

  constructor(a: Assembler, host: Host) {
    this.a = a;
    this.host = host;
  }

  /** The function with this key, which `body` writes where there is none yet. `name`: of its label in a listing. */
  of(
    key: string,
    parameters: number,
    body: (o: Ops, values: readonly Whole[], f: NativeFunction) => void,
    name?: () => string,
  ): Label {
    const known = this.functions.get(key);
    if (known !== undefined) return known[0];
    const label = this.a.label(name?.());
    const f = new NativeFunction(parameters);
    this.functions.set(key, [label, f]);
    const values = f.parameters.map((parameter) => () => parameter);
    body(vectorOps(f, this.a, this.host), values, f);
    return label;
  }

  /** Write those that were asked for. */
  assemble(): void {
    for (const [label, f] of this.functions.values()) f.assemble(this.a, label);
  }
}
