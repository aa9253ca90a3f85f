/**
 * The graph of a model as an ONNX graph. What needs no time loop is computed for all steps at once, (T,B,n); each loop is a Scan, whose
 * body is one step, (B,n); a layer that is one of ONNX's operators is that operator. The form "steps" has no time: all is (B,n).
 */
import type { Axis, Node, NodeId, State } from "../../graph/graph.ts";
import { dependencies, fixedNodes, isMoved } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import type { BinaryName, OpName, ParameterView, UnaryName } from "../../graph/operations.ts";
import type { Model } from "../../nn/model.ts";
import { modelGraph } from "../../nn/model-graph.ts";
import { cellsOf } from "../../nn/model-states.ts";
import type { Outside } from "../../nn/recurrent.ts";
import { hoist } from "../../schedule/hoist.ts";
import { operatorWeights } from "./operator-weights.ts";
import { operatorOf, type RecurrentOperator } from "./operators.ts";
import type { ElementType, OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./proto.ts";
import { createSheet } from "./sheet.ts";

/** @throws InputError for a layer whose equations depend on the number of steps */
export function checkSayable({ layers }: Model, where: string): void {
  for (const layer of layers) {
    for (const [name, { cell }] of cellsOf(layer)) {
      const [all] = cell.sequences;
      if (all === undefined) continue;
      throw new InputError(
        `${where}: ${name} reads all steps of its input ${all}, so its sizes depend on their number, which an ONNX file leaves open.`,
      );
    }
  }
}

const unary: Readonly<Record<Exclude<UnaryName, "step">, string>> = {
  ...{ neg: "Neg", sigmoid: "Sigmoid", hard_sigmoid: "HardSigmoid", tanh: "Tanh", relu: "Relu", softplus: "Softplus" },
  ...{ exp: "Exp", log: "Log", sqrt: "Sqrt", abs: "Abs" },
};
const binary: Readonly<Record<Exclude<BinaryName, "where">, string>> = {
  ...{ add: "Add", sub: "Sub", mul: "Mul", div: "Div", min: "Min", max: "Max" },
};

/** A layer that is an operator. */
type Operator = {
  readonly of: RecurrentOperator;
  readonly layer: string;
  readonly units: number;
  readonly x: NodeId;
  readonly axis: Axis;
  readonly reverse: boolean;
  readonly starts: ReadonlyMap<string, NodeId | undefined>;
};

/** Where nodes are written: the graph itself, or the body of a Scan. */
type Scope = {
  readonly nodes: OnnxNode[];
  /** The number of its loop; 0 for the graph. */
  readonly loop: number;
  /** Whether its values are those of one step, (B,n). */
  readonly step: boolean;
  readonly names: Map<NodeId, string>;
  /** Of a body: the values of all steps that it reads one by one, and under which names. */
  readonly read: Map<NodeId, string>;
};

/**
 * @param scalesOf the scales of a matrix's rows, if its numbers are whole multiples of them
 * @param plain whether layers that are ONNX's operators are written by their equations, too
 */
export function translate(
  model: Model,
  form: "sequences" | "steps",
  {
    scalesOf = () => undefined,
    plain: noOperators = false,
  }: { readonly scalesOf?: ((parameter: string) => Float32Array | undefined) | undefined; readonly plain?: boolean },
): OnnxGraph {
  const streaming = form === "steps";
  const operators = new Map<string, Operator>();
  const leafOf = (layer: string, part: string): string => `operator ${layer} ${part}`;
  const outside: Outside = (g, { layer, x, axis, reverse, initial }) => {
    const of = noOperators ? undefined : operatorOf(layer.cell);
    const plain = layer.zoneout === 0 && layer.shared === undefined && layer.inputs === undefined;
    const units = layer.units;
    if (of === undefined || units === undefined || !plain || (layer.strides ?? 1) !== 1) return undefined;
    // The parameters that its equations would declare.
    for (const { name } of layer.cell.parameters) {
      const key = `${layer.name}.${name}`;
      const { shape, initializer } = parameterOf(key);
      g.declare(key, shape, initializer);
    }
    const starts = new Map(of.states.map((state) => [state, initial(state, units)]));
    operators.set(layer.name, { of, layer: layer.name, units, x, axis, reverse, starts });
    const finals = of.states.map(
      (state) =>
        [
          state,
          g.input(leafOf(layer.name, state), units, { perSequence: !streaming, ...(streaming && axis) }),
        ] as const,
    );
    return {
      output: streaming ? (finals[0]?.[1] as NodeId) : g.input(leafOf(layer.name, "output"), units, axis),
      finals: new Map(finals),
    };
  };
  const parameterOf = (name: string) =>
    model.parameters.find((one) => one.name === name) ?? internal(`no parameter ${name}`);
  const { graph, output, flow } = modelGraph(model, { training: false, goesOn: streaming, outside });

  const places = streaming
    ? graph.nodes.map(() => 0)
    : hoist(
        graph,
        model.times.map((_, time) => 101 + 2 * time),
      );
  const fixed = fixedNodes(graph);
  const needed = dependencies(graph, [
    output,
    ...[...operators.values()].flatMap(({ x, starts }) => [
      x,
      ...[...starts.values()].filter((one) => one !== undefined),
    ]),
  ]);
  const stateOf = new Map(graph.states.map((state) => [state.name, state]));
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const idsOf = new Map<string, NodeId>();
  graph.nodes.forEach(({ op, name }, id) => {
    if (op === "state") idsOf.set(name as string, id);
  });
  const loopOf = (state: string): number => {
    const place = places[idsOf.get(state) as NodeId] as number;
    return place > 0 ? place : 0;
  };

  const main: Scope = { nodes: [], loop: 0, step: streaming, names: new Map(), read: new Map() };
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const { tensors, made, once, fresh, emit, tensor, ints, number } = createSheet();
  const scaled = (parameter: string, columns: boolean): OnnxTensor["scales"] => {
    const values = scalesOf(parameter);
    return values && { values, columns };
  };
  const valuesOf = (name: string): Float32Array => model.values[name] as Float32Array;

  // Sizes that are known when it runs.
  const first = model.inputs[0]?.name as string;
  const sizeOf = (name: string, axis: number): string =>
    once(`size ${name} ${axis}`, () => emit(main, "Shape", [name], { start: { int: axis }, end: { int: axis + 1 } }));
  const batch = (): string => sizeOf(first, 0);
  const steps = ({ time = 0, stride = 1 }: Axis): string => {
    const given = model.inputs.find((one) => one.sequence && (one.time ?? 0) === time)?.name;
    // Without a sequence as input there are as many as a vector is repeated.
    const fixed = given === undefined && time === 0 ? model.steps : undefined;
    const all = fixed === undefined ? sizeOf(given ?? internal(`no input of time ${time}`), 1) : ints(fixed);
    if (stride === 1) return all;
    return once(`steps ${time} ${stride}`, () =>
      emit(main, "Div", [emit(main, "Add", [all, ints(stride - 1)]), ints(stride)]),
    );
  };
  const shapeOf = (...parts: readonly string[]): string =>
    once(`shape ${parts}`, () => emit(main, "Concat", parts, { axis: { int: 0 } }));
  const oncePerSequence = (features: number): string => shapeOf(batch(), ints(features));
  const atEachStep = (axis: Axis): string => shapeOf(steps(axis), batch(), ints(1));

  const features = (id: NodeId): number => {
    const { shape } = node(id);
    return typeof shape === "number" ? shape : 1;
  };
  const isOnce = (id: NodeId): boolean => node(id).perSequence === true;
  /** How many dimensions a value has in a scope. */
  const rank = (id: NodeId, scope: Scope): number => (fixed[id] ? 1 : isOnce(id) || scope.step ? 2 : 3);

  /** The name of a value in a scope. */
  function value(id: NodeId, scope: Scope): string {
    const known = scope.names.get(id);
    if (known !== undefined) return known;
    const name = find(id, scope);
    scope.names.set(id, name);
    return name;
  }
  function find(id: NodeId, scope: Scope): string {
    const one = node(id);
    if (scope.loop !== 0 && places[id] !== scope.loop) {
      if (fixed[id] || isOnce(id)) return value(id, main);
      if (one.op === "spread") return value(one.inputs[0] as NodeId, main);
      // The values of all steps, of which the body reads one after the other.
      value(id, main);
      const name = fresh("step");
      scope.read.set(id, name);
      return name;
    }
    if (scope === main && (places[id] as number) > 0 && !isMoved(one)) {
      writeLoop(places[id] as number);
      return main.names.get(id) ?? internal(`%${id} is not written by its loop`);
    }
    return compute(id, one, scope);
  }

  /** A value with all its dimensions, also where it is the same for all steps or examples. */
  function full(id: NodeId, scope: Scope): string {
    const name = value(id, scope);
    const spread = scope.loop !== 0 && node(id).op === "spread" && places[id] !== scope.loop;
    if (!fixed[id] || spread) return name;
    return emit(scope, "Expand", [name, scope.step ? oncePerSequence(1) : atEachStep({})]);
  }

  function compute(id: NodeId, one: Node, scope: Scope): string {
    const [a, b] = one.inputs;
    const operand = (): string => value(a as NodeId, scope);
    const put = (op: string, operands: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}) =>
      emit(scope, op, operands, attributes, [fresh(one.name ?? op)]);
    switch (one.op) {
      case "constant":
        return number(one.value);
      case "parameter": {
        const data = valuesOf(one.parameter);
        return tensor(`${one.parameter} flat`, [data.length], data);
      }
      case "input":
      case "index":
        return readInput(one);
      case "state":
        return readState(stateOf.get(one.name as string) as State);
      case "final":
        return finalOf(stateOf.get(one.name as string) as State);
      case "hard_sigmoid":
        return put("HardSigmoid", [operand()], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
      case "step":
        return put("Cast", [emit(scope, "Greater", [operand(), number(0)])], { to: { int: 1 } });
      case "neg":
      case "sigmoid":
      case "tanh":
      case "relu":
      case "softplus":
      case "exp":
      case "log":
      case "sqrt":
      case "abs":
        return put(unary[one.op], [operand()]);
      case "add":
      case "sub":
      case "mul":
      case "div":
      case "min":
      case "max":
        return put(binary[one.op], [operand(), value(b as NodeId, scope)]);
      case "where": {
        const off = emit(scope, "Equal", [operand(), number(0)]);
        return put("Where", [off, number(0), value(b as NodeId, scope)]);
      }
      case "broadcast":
        return put("Expand", [operand(), ints(one.shape as number)]);
      case "one_hot": {
        const size = one.shape as number;
        const isIndex = node(a as NodeId).shape === "index";
        const all = Array.from({ length: size }, (_, k) => k);
        const classes = isIndex ? ints(...all) : tensor(`numbers ${size}`, [size], Float32Array.from(all));
        const index = isIndex ? emit(scope, "Unsqueeze", [operand(), ints(-1)]) : operand();
        return put("Cast", [emit(scope, "Equal", [index, classes])], { to: { int: 1 } });
      }
      case "sum":
        return put("ReduceSum", [operand(), ints(-1)]);
      case "max_of":
        return put("ReduceMax", [operand()], { axes: { ints: [-1] } });
      case "logsumexp": {
        const most = emit(scope, "ReduceMax", [operand()], { axes: { ints: [-1] } });
        const exponents = emit(scope, "Exp", [emit(scope, "Sub", [operand(), most])]);
        return put("Add", [most, emit(scope, "Log", [emit(scope, "ReduceSum", [exponents, ints(-1)])])]);
      }
      case "concat": {
        const parts = one.inputs.map((part) => (fixed[id] ? value(part, scope) : full(part, scope)));
        return put("Concat", parts, { axis: { int: -1 } });
      }
      case "slice":
        return put("Slice", [operand(), ints(one.start), ints(one.start + features(id)), ints(-1)]);
      case "downsample": {
        const { by, offset } = one;
        // Zeros behind the last step, so that there is one of the steps for each step of this axis.
        const padded = emit(scope, "Pad", [operand(), ints(0, 0, 0, by, 0, 0)]);
        const end = emit(scope, "Add", [steps(node(a as NodeId)), ints(offset)]);
        return put("Slice", [padded, ints(offset), end, ints(0), ints(by)]);
      }
      case "spread":
        return put("Expand", [operand(), atEachStep(one)]);
      case "repeat_interleave":
      case "tile": {
        const size = features(a as NodeId);
        const from = (j: number): number => (one.op === "tile" ? j % size : Math.floor(j / one.times));
        const places = tensor(
          `${one.op} ${size} ${one.times}`,
          [size * one.times],
          BigInt64Array.from({ length: size * one.times }, (_, j) => BigInt(from(j))),
        );
        return put("Gather", [operand(), places], { axis: { int: -1 } });
      }
      case "sum_rows":
      case "sum_columns": {
        const leading = Array.from({ length: rank(a as NodeId, scope) - 1 }, () => 0);
        const rows = features(a as NodeId) / one.columns;
        const matrix = emit(scope, "Reshape", [operand(), ints(...leading, rows, one.columns)]);
        return put("ReduceSum", [matrix, ints(one.op === "sum_rows" ? -1 : -2)], { keepdims: { int: 0 } });
      }
      case "matmul":
        return put("MatMul", [operand(), matrixOf(one.view, true)]);
      case "matmul_transposed":
        return put("MatMul", [operand(), matrixOf(one.view, false)]);
      case "gather": {
        const { shape } = parameterOf(one.parameter);
        const table = tensor(one.parameter, shape, valuesOf(one.parameter), scaled(one.parameter, false));
        return put("Gather", [table, operand()]);
      }
      case "stack":
      case "unstack":
      case "upsample":
      case "mask":
      case "runtime_scalar":
      case "outer":
      case "accumulate":
      case "scatter":
      case "sum_all":
      case "matmul_sum":
        return internal(`${one.op satisfies OpName} in a model for inference`);
    }
  }

  /** A block of a matrix parameter, or its transpose, as a product has it. */
  function matrixOf({ parameter, rows, column, columns }: ParameterView, transposed: boolean): string {
    const data = valuesOf(parameter);
    const width = parameterOf(parameter).shape[1] as number;
    const name = `${parameter}${columns === width ? "" : ` ${column} to ${column + columns}`}${transposed ? "" : " rows"}`;
    if (tensors.has(`${name} matrix`)) return `${name} matrix`;
    const block = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < columns; k++) {
        block[transposed ? k * rows + r : r * columns + k] = data[r * width + column + k] as number;
      }
    }
    const dims = transposed ? [columns, rows] : [rows, columns];
    return tensor(`${name} matrix`, dims, block, scaled(parameter, transposed));
  }

  function readInput(one: Node<"input" | "index">): string {
    const name = one.name as string;
    if (name.startsWith("operator ")) {
      const [, layer, part] = /^operator (.*) (\S+)$/.exec(name) as unknown as [string, string, string];
      return writeOperator(operators.get(layer) as Operator, part);
    }
    const index = one.op === "index";
    const scalar = one.shape === "scalar";
    const type: ElementType = index ? "int64" : "float";
    const sizes = index || scalar ? [] : [one.shape as number];
    const timed = !one.perSequence && !streaming;
    const time = `time${(one.time ?? 0) === 0 ? "" : one.time}`;
    if (!inputs.some((input) => input.name === name)) {
      inputs.push({ name, type, dims: ["batch", ...(timed ? [time] : []), ...sizes] });
    }
    const turned = timed
      ? emit(main, "Transpose", [name], { perm: { ints: sizes.length > 0 ? [1, 0, 2] : [1, 0] } })
      : name;
    return scalar ? emit(main, "Unsqueeze", [turned, ints(-1)]) : turned;
  }

  /** A state's value from the step before, where no loop needs it: in one step alone, or all steps moved by one. */
  function readState({ name, size, next, reverse, initial }: State): string {
    if (streaming) {
      inputs.push({ name, type: "float", dims: ["batch", size] });
      return name;
    }
    const all = full(next, main);
    const start = emit(main, "Unsqueeze", [startOf(initial, size), ints(0)]);
    const [from, to] = reverse ? [1, Number.MAX_SAFE_INTEGER] : [0, -1];
    const rest = emit(main, "Slice", [all, ints(from), ints(to), ints(0)]);
    return emit(main, "Concat", reverse ? [rest, start] : [start, rest], { axis: { int: 0 } });
  }
  function startOf(initial: NodeId | undefined, size: number): string {
    if (initial === undefined) {
      return once(`zeros ${size}`, () => emit(main, "ConstantOfShape", [oncePerSequence(size)]));
    }
    const name = value(initial, main);
    return fixed[initial] ? emit(main, "Expand", [name, oncePerSequence(1)]) : name;
  }
  function finalOf({ name, next, reverse }: State): string {
    if (streaming) return full(next, main);
    const loop = loopOf(name);
    if (loop > 0) {
      writeLoop(loop);
      return made.get(`final ${name}`) ?? internal(`no final ${name}`);
    }
    const place = tensor(`place ${reverse ? 0 : -1}`, [], BigInt64Array.of(reverse ? 0n : -1n));
    return emit(main, "Gather", [full(next, main), place]);
  }

  /** A time loop as a Scan. */
  function writeLoop(loop: number): void {
    if (made.has(`loop ${loop}`)) return;
    made.set(`loop ${loop}`, "");
    const states = graph.states.filter(({ name }) => idsOf.has(name) && loopOf(name) === loop);
    const body: Scope = { nodes: [], loop, step: true, names: new Map(), read: new Map() };
    const reverse = states[0]?.reverse === true;
    const stateInputs = states.map(({ name, size }): OnnxValue => {
      const own = fresh(name);
      body.names.set(idsOf.get(name) as NodeId, own);
      return { name: own, type: "float", dims: ["batch", size] };
    });
    /** What comes out of a body is written by a node of its own: it may be what went in, or lie outside. */
    const result = (name: string): string => emit(body, "Identity", [name]);
    const next = states.map(({ next: id, size }): OnnxValue => {
      return { name: result(full(id, body)), type: "float", dims: ["batch", size] };
    });
    const outside = graph.nodes.flatMap((_, id) => (places[id] === loop && usedOutside(id, loop) ? [id] : []));
    const scans = outside.map((id): OnnxValue => {
      return { name: result(full(id, body)), type: "float", dims: ["batch", features(id)] };
    });
    const read = [...body.read].map(([id, name]): readonly [string, OnnxValue] => {
      const isIndex = node(id).shape === "index";
      const dims = isIndex ? ["batch"] : ["batch", features(id)];
      return [value(id, main), { name, type: isIndex ? "int64" : "float", dims }];
    });
    if (read.length === 0) {
      const axis = node(idsOf.get((states[0] as State).name) as NodeId);
      const steps = emit(main, "ConstantOfShape", [atEachStep(axis)]);
      read.push([steps, { name: fresh("step"), type: "float", dims: ["batch", 1] }]);
    }
    const directions = (many: readonly unknown[]): OnnxAttribute => ({ ints: many.map(() => (reverse ? 1 : 0)) });
    const finals = states.map(({ name }) => fresh(`final ${name}`));
    const series = outside.map((id) => fresh(node(id).name ?? "steps"));
    emit(
      main,
      "Scan",
      [...states.map(({ initial, size }) => startOf(initial, size)), ...read.map(([name]) => name)],
      {
        body: {
          graph: {
            ...{ name: fresh("step"), nodes: body.nodes, tensors: [] },
            inputs: [...stateInputs, ...read.map(([, one]) => one)],
            outputs: [...next, ...scans],
          },
        },
        num_scan_inputs: { int: read.length },
        scan_input_directions: directions(read),
        // A Scan without outputs at each step may have no list.
        ...(scans.length > 0 && { scan_output_directions: directions(scans) }),
      },
      [...finals, ...series],
    );
    states.forEach(({ name }, k) => {
      made.set(`final ${name}`, finals[k] as string);
    });
    outside.forEach((id, k) => {
      main.names.set(id, series[k] as string);
    });
  }
  /** Whether something outside its loop needs a value at each step. */
  function usedOutside(id: NodeId, loop: number): boolean {
    if (id === output || [...operators.values()].some(({ x }) => x === id)) return true;
    return graph.nodes.some(({ op, inputs: operands, name }, user) => {
      if (!needed[user] || places[user] === loop) return false;
      if (operands.includes(id)) return true;
      // Moved by a step, where no loop needs it, or its last step alone.
      return (
        (op === "state" || op === "final") && loopOf(name as string) === 0 && stateOf.get(name as string)?.next === id
      );
    });
  }

  /** Both directions of a bidirectional layer, if they are the same operator; else the layer alone. */
  function directionsOf(operator: Operator): readonly Operator[] {
    const [, name, way] = /^(.*)\.(forward|backward)$/.exec(operator.layer) ?? [];
    const [there, back] = [operators.get(`${name}.forward`), operators.get(`${name}.backward`)];
    const pair = way !== undefined && there !== undefined && back !== undefined && there.reverse !== back.reverse;
    if (!pair || there.of !== back.of || there.units !== back.units || there.x !== back.x) return [operator];
    // The operator's first direction is from the first step of the file to its last.
    return there.reverse ? [back, there] : [there, back];
  }

  /** A layer as an operator; the name of its output, or of a state after the last step. */
  function writeOperator(operator: Operator, part: string): string {
    const key = ({ layer }: Operator, which: string): string => `operator ${layer} ${which}`;
    const known = made.get(key(operator, part));
    if (known !== undefined) return known;
    const all = directionsOf(operator);
    const { of, units, x, layer } = all[0] as Operator;
    const own = all.length === 1 ? layer : layer.replace(/\.(forward|backward)$/, "");
    const count = all.length;
    const [W, R, B, P] = operatorWeights(
      all.map((one) => one.layer),
      of,
      { units, features: features(x) },
      { valuesOf, scalesOf },
    ).map(({ name, dims, data, scales }) => tensor(`${own}.${name}`, dims, data, scales));
    const read = full(x, main);
    const stepped = streaming ? emit(main, "Unsqueeze", [read, ints(0)]) : read;
    // Of initial states either all are there or none.
    const begins = all.some(({ starts }) => [...starts.values()].some((start) => start !== undefined));
    const initial = of.states.map((state) => {
      if (!streaming && !begins) return "";
      const each = all.map((one) => {
        const name = `${one.layer}.${state}`;
        if (streaming) inputs.push({ name, type: "float", dims: ["batch", units] });
        return emit(main, "Unsqueeze", [streaming ? name : startOf(one.starts.get(state), units), ints(0)]);
      });
      return each.length === 1 ? (each[0] as string) : emit(main, "Concat", each, { axis: { int: 0 } });
    });
    const operands = [stepped, ...([W, R, B] as string[]), "", ...initial, ...(P === undefined ? [] : [P])];
    while (operands.at(-1) === "") operands.pop();
    const results = [fresh(`${own}.Y`), ...of.states.map((state) => fresh(`${own}.Y_${state}`))];
    const texts = (of.attributes.activations as { readonly texts: readonly string[] }).texts;
    emit(
      main,
      of.op,
      operands,
      {
        ...of.attributes,
        activations: { texts: all.flatMap(() => texts) },
        hidden_size: { int: units },
        direction: { text: count === 2 ? "bidirectional" : all[0]?.reverse ? "reverse" : "forward" },
      },
      results,
    );
    // Y is (T,directions,B,H), a state (directions,B,H).
    const apart = (result: string, axis: number, which: string): void => {
      const parts = all.map((_, d) => (count === 1 ? result : fresh(`${result} ${d}`)));
      if (count > 1) emit(main, "Split", [result, ints(1, 1)], { axis: { int: axis } }, parts);
      all.forEach((one, d) => {
        made.set(key(one, which), emit(main, "Squeeze", [parts[d] as string, ints(axis)]));
      });
    };
    apart(results[0] as string, 1, "output");
    of.states.forEach((state, k) => {
      apart(results[k + 1] as string, 0, state);
    });
    return made.get(key(operator, part)) as string;
  }

  // Inputs that nothing reads stay inputs.
  graph.nodes.forEach((one, id) => {
    if ((one.op === "input" || one.op === "index") && !(one.name as string).startsWith("operator ")) value(id, main);
  });
  const last = full(output, main);
  const timed = !streaming && model.returnsSequences;
  const forwards =
    timed && flow.backwards
      ? emit(main, "Slice", [last, ints(-1), ints(-Number.MAX_SAFE_INTEGER), ints(0), ints(-1)])
      : last;
  emit(main, timed ? "Transpose" : "Identity", [forwards], timed ? { perm: { ints: [1, 0, 2] } } : {}, ["output"]);
  const outputTime = `${model.times.length > 1 && model.time > 0 ? `time${model.time}` : "time"}${model.strides > 1 ? `/${model.strides}` : ""}`;
  outputs.push({ name: "output", type: "float", dims: ["batch", ...(timed ? [outputTime] : []), model.outputSize] });
  if (streaming) {
    const nextOf = (name: string, made: string, size: number): void => {
      emit(main, "Identity", [made], {}, [`next.${name}`]);
      outputs.push({ name: `next.${name}`, type: "float", dims: ["batch", size] });
    };
    for (const { name, size, next } of graph.states) {
      value(idsOf.get(name) as NodeId, main);
      nextOf(name, full(next, main), size);
    }
    for (const operator of operators.values()) {
      for (const state of operator.of.states)
        nextOf(`${operator.layer}.${state}`, writeOperator(operator, state), operator.units);
    }
  }
  return { name: "model", nodes: main.nodes, tensors: [...tensors.values()], inputs, outputs };
}

function internal(problem: string): never {
  throw new Error(`internal: ${problem}`);
}
