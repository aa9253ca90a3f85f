/** PyTorch as a peer, with one thread and with two: training steps, and generation one token at a time. */
import { type StartPeer, startEach, startProcess, threadCount, threadCounts } from "./peer-process.ts";
import { charactersAStep } from "./shapes.ts";

const program = `
import json, sys, time
import torch
from torch import nn
spec, threads = json.loads(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
V, E, H, L, B, T = (spec[k] for k in ("vocabulary", "embedding", "units", "layers", "batch", "steps"))
hidden = spec.get("hidden")

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
        self.hidden = nn.Linear(H, hidden) if hidden else None
        self.dense = nn.Linear(hidden or H, V)
    def forward(self, x, state=None):
        y, state = self.recurrent(self.embedding(x), state)
        if self.hidden is not None:
            y = torch.relu(self.hidden(y[-1]))
        return self.dense(y), state

model = Model()
tokens, targets = torch.randint(V, (T, B)), torch.randint(V, (1 if hidden else T, B))
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
        for _ in range(spec["characters"]):
            _, state = model(tokens, state)
step = train if spec["task"] == "train" else generate
print("ready " + torch.__version__, flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    step()
    print(1000 * (time.perf_counter() - start), flush=True)
`;

export const startPyTorch: StartPeer = async (shape) => {
  const spec = JSON.stringify({ ...shape, characters: charactersAStep });
  // Debian's own Python has Debian's PyTorch.
  for (const python of ["/usr/bin/python3", "python3"]) {
    try {
      return await startEach(threadCounts, async (threads) => {
        const count = String(threads);
        const env = { OPENBLAS_NUM_THREADS: count, OMP_NUM_THREADS: count };
        const { greeting, ...peer } = await startProcess(python, ["-c", program, spec, count], { env });
        return { ...peer, setting: `PyTorch ${greeting}, ${threadCount(threads)}` };
      });
    } catch (error) {
      if (!/No module named 'torch'|ENOENT/.test(String(error))) throw error;
    }
  }
  return undefined;
};
