/**
 * PyTorch as a peer: a Python process that does one step for each line it is sent and answers with its milliseconds.
 * A development tool, never a dependency: where it is missing, that is said.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Shape } from "./shapes.ts";

const program = `
import json, sys, time
import torch
from torch import nn
spec, threads = json.loads(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
V, E, H, L, B, T = (spec[k] for k in ("vocabulary", "embedding", "units", "layers", "batch", "steps"))

class LayerNormLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.ModuleList([nn.Linear(E, H, bias=False) for _ in range(4)])
        self.u = nn.ModuleList([nn.Linear(H, H, bias=False) for _ in range(4)])
        self.n = nn.ModuleList([nn.LayerNorm(H) for _ in range(5)])
    def forward(self, x, state):
        h = c = torch.zeros(B, H)
        out = []
        for t in range(x.shape[0]):
            f, i, g, o = (n(w(x[t]) + u(h)) for w, u, n in zip(self.w, self.u, self.n))
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.n[4](c))
            out.append(h)
        return torch.stack(out), None

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(V, E)
        kinds = {"lstm": lambda: nn.LSTM(E, H, L), "gru": lambda: nn.GRU(E, H, L), "layer-norm-lstm": LayerNormLstm}
        self.recurrent = kinds[spec["kind"]]()
        self.dense = nn.Linear(H, V)
    def forward(self, x, state=None):
        y, state = self.recurrent(self.embedding(x), state)
        return self.dense(y), state

model = Model()
tokens, targets = torch.randint(V, (T, B)), torch.randint(V, (T, B))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
state = None
def train():
    optimizer.zero_grad(set_to_none=True)
    logits, _ = model(tokens)
    nn.functional.cross_entropy(logits.view(-1, V), targets.view(-1)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
def generate():
    global state
    with torch.no_grad():
        for _ in range(100):
            _, state = model(tokens, state)
step = train if spec["task"] == "train" else generate
print("ready " + torch.__version__, flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    step()
    print(1000 * (time.perf_counter() - start), flush=True)
`;

export type Peer = { readonly setting: string; readonly step: () => Promise<number>; readonly end: () => void };

/** A process for a shape and a number of threads; undefined where Python or PyTorch is missing. */
export async function startPyTorch(shape: Shape, threads: number): Promise<Peer | undefined> {
  const count = String(threads);
  const env = { ...process.env, OPENBLAS_NUM_THREADS: count, OMP_NUM_THREADS: count };
  // Debian's own Python has Debian's PyTorch.
  for (const python of ["/usr/bin/python3", "python3"]) {
    const child = spawn(python, ["-c", program, JSON.stringify(shape), count], {
      env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const lines = linesOf(child);
    const first = await lines();
    if (!first?.startsWith("ready ")) {
      child.kill();
      continue;
    }
    return {
      setting: `PyTorch ${first.slice("ready ".length)}, ${count} thread${threads === 1 ? "" : "s"}`,
      async step() {
        child.stdin.write("\n");
        const line = await lines();
        if (line === undefined) throw new Error("PyTorch ended before its time");
        return Number(line);
      },
      end: () => child.kill(),
    };
  }
  return undefined;
}

/** The next line of a process; undefined once it has ended. */
function linesOf(child: ChildProcessByStdio<Writable, Readable, null>): () => Promise<string | undefined> {
  const ready: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let ended = false;
  createInterface({ input: child.stdout })
    .on("line", (line) => {
      const next = waiting.shift();
      if (next === undefined) ready.push(line);
      else next(line);
    })
    .on("close", end);
  child.on("error", end);
  child.stdin.on("error", end);
  function end(): void {
    ended = true;
    for (const next of waiting.splice(0)) next(undefined);
  }
  return () =>
    new Promise((resolve) => {
      const line = ready.shift();
      if (line !== undefined || ended) resolve(line);
      else waiting.push(resolve);
    });
}
