/**
 * What TensorFlow.js runs as a peer, in a process or in a page: training steps, with its own gradients and its own Adam, on the backend that
 * is set. Written for its best figures rather than as one would write it. On WASM its products with a transposed operand are slow, so operands
 * are transposed first; slices of large tensors are slow, so every step has its own input product; what is saved for the backward step is
 * copied, so weights are not; and it has no gradient of an embedding, so that is a scatter. On a graphics card what counts is how many
 * dispatches there are: products read transposed operands, and the inputs of all steps have one product.
 */

/** A function `training(tf, spec)` of the library, a shape and `onCard`, which gives a step; that gives its loss. */
export const tensorflowJsProgram = `
function training(tf, { kind, vocabulary: V, embedding: E, units: H, layers, batch: B, steps: T, hidden, onCard }) {
  const matrix = (rows, columns) => tf.variable(tf.randomNormal([rows, columns], 0, 0.05));
  const vector = (n, value = 0) => tf.variable(tf.fill([n], value));
  const gates = kind === "gru" ? 3 : 4;
  const table = matrix(V, E);
  const cells = Array.from({ length: layers }, (_, k) => ({
    W: matrix(k === 0 ? E : H, gates * H),
    U: matrix(H, gates * H),
    b: vector(gates * H),
    recurrentB: kind === "gru" ? vector(gates * H) : null,
    gain: kind === "layer-norm-lstm" ? tf.variable(tf.ones([4, H])) : null,
    cellGain: kind === "layer-norm-lstm" ? vector(H, 1) : null,
    cellB: kind === "layer-norm-lstm" ? vector(H) : null,
  }));
  const dense = hidden ? { W: matrix(H, hidden), b: vector(hidden) } : null;
  const out = { W: matrix(hidden || H, V), b: vector(V) };
  const draw = (n) => tf.tensor1d(Int32Array.from({ length: n }, () => Math.floor(Math.random() * V)), "int32");
  const tokens = draw(T * B);
  const targets = tf.oneHot(draw(hidden ? B : T * B), V).toFloat();

  const lookUp = tf.customGrad((table) => ({
    value: tf.gather(table, tokens),
    gradFunc: (d) => [tf.scatterND(tokens.expandDims(1), d, [V, E])],
  }));
  const kept = [];
  const times = (W) => {
    if (onCard) return (x) => tf.matMul(x, W);
    // Saved for every step, it would be copied for every step.
    const transposed = tf.keep(tf.tidy(() => tf.transpose(W)));
    kept.push(transposed);
    const gradients = [];
    const product = tf.customGrad((x, W, save) => {
      save([x]);
      return {
        value: tf.matMul(x, W),
        gradFunc: (d, [x]) => {
          // The last but one is in the sum by now, and would stay to the end.
          if (gradients.length > 1) gradients.at(-1).dispose();
          gradients.push(tf.tidy(() => tf.matMul(tf.transpose(x), d)));
          return [tf.matMul(d, transposed), gradients.at(-1)];
        },
      };
    });
    return (x) => product(x, W);
  };
  const normalise = (x, gain, b) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
    return tf.add(tf.mul(gain, tf.mul(centred, scale)), b);
  };
  const lstmStep = (f, i, g, o, c, normal) => {
    const next = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
    return [tf.mul(tf.sigmoid(o), tf.tanh(normal(next))), next];
  };
  const steps = {
    lstm: ({ b }) => (x, u, [, c]) => lstmStep(...tf.split(tf.add(tf.add(x, u), b), 4, 1), c, (c) => c),
    gru: ({ b, recurrentB }) => (x, u, [h]) => {
      const [xz, xg] = tf.split(tf.add(x, b), [2 * H, H], 1);
      const [uz, ug] = tf.split(tf.add(u, recurrentB), [2 * H, H], 1);
      const [z, r] = tf.split(tf.sigmoid(tf.add(xz, uz)), 2, 1);
      const g = tf.tanh(tf.add(xg, tf.mul(r, ug)));
      return [tf.add(g, tf.mul(z, tf.sub(h, g)))];
    },
    "layer-norm-lstm": ({ b, gain, cellGain, cellB }) => (x, u, [, c]) => {
      const sums = normalise(tf.reshape(tf.add(x, u), [B, 4, H]), gain, tf.reshape(b, [4, H]));
      const [f, i, g, o] = tf.unstack(sums, 1);
      return lstmStep(f, i, g, o, c, (c) => normalise(c, cellGain, cellB));
    },
  };
  const recurrent = (cell, xs) => {
    const [W, U, step] = [times(cell.W), times(cell.U), steps[kind](cell)];
    let state = [tf.zeros([B, H]), tf.zeros([B, H])];
    const inputs = onCard ? tf.split(W(tf.concat(xs, 0)), T, 0) : xs;
    return inputs.map((x) => {
      state = step(onCard ? x : W(x), U(state[0]), state);
      return state[0];
    });
  };
  const loss = () => {
    const ys = cells.reduce((xs, cell) => recurrent(cell, xs), onCard ? [lookUp(table)] : tf.split(lookUp(table), T, 0));
    let y = hidden ? ys[T - 1] : tf.concat(ys, 0);
    if (hidden) y = tf.relu(tf.add(times(dense.W)(y), dense.b));
    return tf.losses.softmaxCrossEntropy(targets, tf.add(times(out.W)(y), out.b));
  };

  const adam = tf.train.adam(1e-3, 0.9, 0.999, 1e-7);
  return async () => {
    const value = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss);
      // Not by addN, which on a graphics card adds 7 at most.
      const norm = tf.sqrt(Object.values(grads).map((g) => tf.sum(tf.square(g))).reduce((a, b) => tf.add(a, b)));
      const scale = tf.minimum(1, tf.div(5, norm));
      tf.dispose(kept.splice(0));
      adam.applyGradients(Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, tf.mul(g, scale)])));
      return value;
    });
    // Read behind all else that was asked for: a card is done then.
    const [read] = await value.data();
    value.dispose();
    if (!Number.isFinite(read)) throw new Error("the loss is not finite");
    return read;
  };
}
`;
