/**
 * What jax-js runs as a peer, in a process or in a page: training steps, with its own gradients, on the backend that it is told. It has no
 * loop over time, so time is unrolled under its `jit`. Adam is written out: its optimisers are no npm package.
 */

// Every use of an array but the last one is by `.ref`: what is passed to a function is gone.
/** A function `prepare(spec)` of a shape and a `backend`, which gives a step; that gives its loss. */
export const jaxJsProgram = `
async function prepare({ kind, vocabulary: V, embedding: E, units: H, layers, batch: B, steps: T, hidden, backend }) {
  const { blockUntilReady, defaultDevice, init, jit, nn, numpy: np, random, tree, valueAndGrad } = await import("@jax-js/jax");
  if (!(await init(backend)).includes(backend)) throw new Error("it has no backend " + backend + " here");
  defaultDevice(backend);

  let seed = 0;
  const matrix = (rows, columns) => random.normal(random.key(seed++), [rows, columns]).mul(0.05);
  const vector = (n) => np.zeros([n]);
  const gates = kind === "gru" ? 3 : 4;
  const params = {
    table: matrix(V, E),
    cells: Array.from({ length: layers }, (_, k) => ({
      W: matrix(k === 0 ? E : H, gates * H),
      U: matrix(H, gates * H),
      b: vector(gates * H),
      ...(kind === "gru" ? { recurrentB: vector(gates * H) } : {}),
      ...(kind === "layer-norm-lstm" ? { gain: np.ones([4, H]), cellGain: np.ones([H]), cellB: vector(H) } : {}),
    })),
    ...(hidden ? { dense: { W: matrix(H, hidden), b: vector(hidden) } } : {}),
    out: { W: matrix(hidden || H, V), b: vector(V) },
  };
  const draw = (n) => np.array(Int32Array.from({ length: n }, () => Math.floor(Math.random() * V)), { dtype: np.int32 });
  const rows = hidden ? B : T * B;
  const [tokens, targets] = [draw(T * B), draw(rows)];

  const lstmStep = (f, i, g, o, c, normal) => {
    const next = nn.sigmoid(f).mul(c).add(nn.sigmoid(i).mul(np.tanh(g)));
    return [nn.sigmoid(o).mul(np.tanh(normal(next.ref))), next];
  };
  const normalise = (x, gain, b) => nn.standardize(x, -1).mul(gain.ref).add(b.ref);
  const steps = {
    lstm: ({ b }) => (x, u, [h, c]) => {
      h.dispose();
      return lstmStep(...np.split(x.add(u).add(b.ref), 4, 1), c, (c) => c);
    },
    gru: ({ b, recurrentB }) => (x, u, [h, c]) => {
      const [xz, xr, xg] = np.split(x.add(b.ref), 3, 1);
      const [uz, ur, ug] = np.split(u.add(recurrentB.ref), 3, 1);
      const [z, r] = [nn.sigmoid(xz.add(uz)), nn.sigmoid(xr.add(ur))];
      const g = np.tanh(xg.add(r.mul(ug)));
      return [g.ref.add(z.mul(h.sub(g))), c];
    },
    "layer-norm-lstm": ({ b, gain, cellGain, cellB }) => (x, u, [h, c]) => {
      h.dispose();
      const sums = normalise(x.add(u).reshape([B, 4, H]), gain, b.ref.reshape([4, H]));
      const [f, i, g, o] = np.split(sums, 4, 1).map((gate) => gate.reshape([B, H]));
      return lstmStep(f, i, g, o, c, (c) => normalise(c, cellGain, cellB));
    },
  };
  const recurrent = (cell, xs) => {
    const { W, U } = cell;
    const products = np.split(np.matmul(np.concatenate(xs, 0), W.ref), T, 0);
    const step = steps[kind](cell);
    let state = [np.zeros([B, H]), np.zeros([B, H])];
    const ys = products.map((product) => {
      state = step(product, np.matmul(state[0].ref, U.ref), state);
      return state[0].ref;
    });
    tree.dispose([state, cell]);
    return ys;
  };
  const loss = ({ table, cells, dense, out }, tokens, targets) => {
    const ys = cells.reduce((xs, cell) => recurrent(cell, xs), np.split(np.take(table, tokens, 0), T, 0));
    let y = hidden ? ys.pop() : np.concatenate(ys, 0);
    if (hidden) {
      tree.dispose(ys);
      y = nn.relu(np.matmul(y, dense.W).add(dense.b));
    }
    const logits = np.matmul(y, out.W).add(out.b);
    return nn.logSoftmax(logits, -1).mul(nn.oneHot(targets, V)).sum().mul(-1 / rows);
  };

  const update = jit(([params, m, v], rate, tokens, targets) => {
    const [value, raw] = valueAndGrad(loss)(tree.ref(params), tokens, targets);
    const squares = tree.leaves(raw).map((g) => np.square(g.ref).sum());
    const scale = np.minimum(np.array(5).div(np.sqrt(squares.reduce((a, b) => a.add(b)))), 1);
    const grads = tree.map((g) => g.mul(scale.ref), raw);
    const nextM = tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), m, tree.ref(grads));
    const nextV = tree.map((v, g) => v.mul(0.999).add(np.square(g).mul(0.001)), v, grads);
    const move = (p, m, v) => p.sub(m.mul(rate.ref).div(np.sqrt(v).add(1e-7)));
    const next = tree.map(move, params, tree.ref(nextM), tree.ref(nextV));
    tree.dispose([scale, rate]);
    return [value, [next, nextM, nextV]];
  });
  const zeros = () => tree.map((p) => np.zerosLike(p), tree.ref(params));
  let state = [params, zeros(), zeros()];
  let taken = 0;
  return async () => {
    taken++;
    const rate = (1e-3 * Math.sqrt(1 - 0.999 ** taken)) / (1 - 0.9 ** taken);
    const [value, next] = update(state, np.array(rate), tokens.ref, targets.ref);
    state = next;
    const [loss] = await value.data();
    if (!Number.isFinite(loss)) throw new Error("the loss is not finite");
    await blockUntilReady(tree.ref(state));
    return loss;
  };
}
`;
