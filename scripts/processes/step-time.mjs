/**
 * How long an update of several processes takes, by a simulation of its parts: each process computes part after part; the gradients that a
 * part completes go over its link, one bucket after the other, in two rounds (every process sums one share and gives it to the others); the
 * optimiser runs after the last. Knows nothing about what is computed.
 */

/**
 * @param {object} training
 * @param {readonly { ms: number, bytes: number }[]} training.parts time of each part in one process, and bytes of gradients it completes
 * @param {number} training.optimizerMs
 * @param {object} link
 * @param {number} link.bitsPerSecond of each process, in each direction
 * @param {number} link.latencyMs one way
 * @param {number} [link.messageMs] what sending and taking one message costs a process [0.01]
 * @param {number} [link.processorMsPerMegabyte] what a process computes less while it sends, takes and sums a megabyte [0]
 * @param {object} how
 * @param {number} how.processes
 * @param {number} [how.bytesShare] of the bytes that travel: 1 f32, 1/2 bf16, 1/4 int8 [1]
 * @param {number} [how.syncEvery] updates of its own between two exchanges [1]
 * @returns {number} milliseconds an update
 */
export function stepTime({ parts, optimizerMs }, link, { processes, bytesShare = 1, syncEvery = 1 }) {
  const { bitsPerSecond, latencyMs, messageMs = 0.01, processorMsPerMegabyte = 0 } = link;
  const computeMs = parts.reduce((sum, { ms }) => sum + ms, 0) + optimizerMs;
  if (processes === 1) return computeMs;
  const others = processes - 1;
  /** Both rounds of one bucket: how long the link is busy, and how much later the last byte is there. */
  const busyMs = (bytes) =>
    2 * (((bytes * bytesShare * others) / processes) * (8000 / bitsPerSecond) + others * messageMs);
  const processorMs = (bytes) => (2 * bytes * bytesShare * others * processorMsPerMegabyte) / processes / 1e6;
  if (syncEvery > 1) {
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    return computeMs + (busyMs(bytes) + 2 * latencyMs + processorMs(bytes)) / syncEvery;
  }
  let [computed, free] = [0, 0];
  for (const { ms, bytes } of parts) {
    computed += ms;
    if (bytes === 0) continue;
    free = Math.max(free, computed) + busyMs(bytes);
    // Whoever sends computes the next part later.
    computed += processorMs(bytes);
  }
  return Math.max(computed, free + 2 * latencyMs) + optimizerMs;
}
