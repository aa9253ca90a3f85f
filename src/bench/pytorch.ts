/**
 * PyTorch as a peer: training steps, also of a SegRNN and of a translator, and generation one token at a time. Written for its best figures (a
 * SegRNN as its authors have it too), and measured in the best of its settings: threads of its own and of OpenBLAS, and the
 * kernels of OpenBLAS, which does not know processors that are newer than itself.
 */
import { type Peer, type StartPeer, startEach, threadCount } from "./peer.ts";
import { startProcess } from "./peer-process.ts";
import { coreTypes, threadCounts } from "./processor.ts";
import { charactersAStep, type Shape } from "./shapes.ts";
import { tryEach } from "./trials.ts";

const program = `
import ctypes, json, os, sys, time
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
        self.w, self.u = nn.Linear(E, 4 * H, bias=False), nn.Linear(H, 4 * H, bias=False)
        self.n = nn.ModuleList([nn.LayerNorm(H) for _ in range(5)])
    def forward(self, x, state):
        h = c = torch.zeros(B, H)
        out = []
        for product in self.w(x).unbind(0):
            f, i, g, o = (n(gate) for n, gate in zip(self.n, (product + self.u(h)).chunk(4, 1)))
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.n[4](c))
            out.append(h)
        return torch.stack(out), None

class SegRnn(nn.Module):
    """S. Lin et al., 2023 (arXiv 2308.11200): segments (T,B,E) of windows, each of one channel, to forecasts (B,horizon)."""
    def __init__(self):
        super().__init__()
        self.segment, self.recurrent, self.dense = nn.Linear(E, H), nn.GRU(H, H), nn.Linear(H, E)
        self.place = nn.Parameter(torch.randn(spec["horizon"] // E, H // 2))
        self.channel = nn.Parameter(torch.randn(V, H // 2))
        self.dropout = nn.Dropout(0.5)
    def forward(self, x, channels, as_published):
        _, state = self.recurrent(torch.relu(self.segment(x)))
        if as_published:
            return self.dense(self.dropout(self.steps(state, channels))).flatten(1)
        return self.dense(self.drop(self.shared(state[0], channels))).transpose(0, 1).flatten(1)
    def steps(self, state, channels):
        """As the authors write it: one step of nn.GRU for every segment of every window, from the same states repeated."""
        n, windows = len(self.place), len(channels)
        place = self.place.expand(windows, n, -1)
        x = torch.cat([place, self.channel[channels].unsqueeze(1).expand(-1, n, -1)], 2)
        y, _ = self.recurrent(x.view(1, windows * n, H), state.repeat(1, 1, n).view(1, windows * n, H))
        return y.view(windows, n, H)
    def shared(self, h, channels):
        """The same with each product once: of states for all segments, of places and of channels for all windows."""
        r = self.recurrent
        of_place, of_channel = r.weight_ih_l0.split(H // 2, 1)
        p = nn.functional.linear(self.place, of_place).unsqueeze(1)
        c = nn.functional.linear(self.channel, of_channel, r.bias_ih_l0)[channels]
        u = nn.functional.linear(h, r.weight_hh_l0, r.bias_hh_l0)
        reset, update = torch.sigmoid(p[..., :2 * H] + (c + u)[:, :2 * H]).chunk(2, -1)
        new = torch.tanh(torch.addcmul(p[..., 2 * H:] + c[:, 2 * H:], reset, u[:, 2 * H:]))
        return torch.lerp(new, h.expand_as(new), update)
    def drop(self, y):
        """Dropout of one half by single bytes of random numbers: PyTorch's own draws one at a time."""
        if not self.training:
            return y
        drawn = torch.empty(-(-y.numel() // 8), dtype=torch.int64).random_(-2**63, None).view(torch.uint8)
        return y * (drawn[:y.numel()].view(y.shape) >> 7).to(y.dtype).mul_(2)

class Translator(nn.Module):
    """An encoder in both directions, and an LSTM with additive attention (D. Bahdanau et al., 2014): sources (S,B), targets (T,B)."""
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(V, E), nn.Embedding(V, E)
        self.encoder = nn.LSTM(E, H // 2, bidirectional=True)
        self.keys, self.query, self.score = nn.Linear(H, H), nn.Linear(H, H, bias=False), nn.Parameter(torch.randn(H) / H ** 0.5)
        self.of_token, self.of_state = nn.Linear(E, 4 * H), nn.Linear(2 * H, 4 * H, bias=False)
        self.dense = nn.Linear(H, V)
    def forward(self, source, target):
        values, (h, c) = self.encoder(self.source(source))
        h, c = (torch.cat([one[0], one[1]], 1) for one in (h, c))
        keys, values = self.keys(values).transpose(0, 1).contiguous(), values.transpose(0, 1).contiguous()
        out = []
        # What depends on tokens alone is one product for all steps.
        for of_token in self.of_token(self.target(target)).unbind(0):
            scores = torch.matmul(torch.tanh(keys + self.query(h).unsqueeze(1)), self.score)
            context = torch.bmm(torch.softmax(scores, 1).unsqueeze(1), values).squeeze(1)
            i, f, g, o = (of_token + self.of_state(torch.cat([context, h], 1))).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return self.dense(torch.stack(out))

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

if spec["task"] == "forecast":
    model, as_published = SegRnn(), spec["asPublished"]
    segments, channels = torch.randn(T, B, E), torch.randint(V, (B,))
    model.eval()
    with torch.no_grad():
        one, other = (model(segments[:, :2], channels[:2], way) for way in (True, False))
    if not (one - other).abs().max().item() < 1e-4:
        raise ValueError("its two ways to decode differ")
    model.train()
    targets, max_norm = torch.randn(B, spec["horizon"]), 1.0
    def loss_of():
        return nn.functional.l1_loss(model(segments, channels, as_published), targets)
elif spec["task"] == "translate":
    model, max_norm = Translator(), 5.0
    source, tokens, targets = (torch.randint(V, (n, B)) for n in (spec["sourceSteps"], T, T))
    def loss_of():
        return nn.functional.cross_entropy(model(source, tokens).view(-1, V), targets.view(-1))
else:
    model = Model()
    tokens, targets, max_norm = torch.randint(V, (T, B)), torch.randint(V, (1 if hidden else T, B)), 5.0
    def loss_of():
        logits, _ = model(tokens)
        return nn.functional.cross_entropy(logits.view(-1, V), targets.view(-1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
state = None
def train():
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    check(loss)
def generate():
    global state
    with torch.inference_mode():
        for _ in range(spec["characters"]):
            logits, state = model(tokens, state)
    check(logits)
def check(values):
    if not torch.isfinite(values).all():
        raise ValueError("its results are not finite")

def describe():
    found = {"version": torch.__version__.split("+")[0], "threads": torch.get_num_threads()}
    try:
        library = ctypes.CDLL(torch._C.__file__)
        ask = ctypes.CDLL(None).dladdr
        place = (ctypes.c_char_p * 4)()  # The file's name, and three addresses.
        ask(ctypes.cast(library.sgemm_, ctypes.c_void_p), place)
        if "openblas" in os.path.realpath(place[0].decode()):
            library.openblas_get_corename.restype = ctypes.c_char_p
            found["kernels"] = library.openblas_get_corename().decode()
            found["blasThreads"] = library.openblas_get_num_threads()
    except (AttributeError, OSError):
        pass
    return found
def check_product():
    a, b = torch.randn(64, 500), torch.randn(500, 1000)
    error = (a @ b - (a.double() @ b.double()).float()).abs().max().item()
    if not error < 1e-3:
        raise ValueError("its matrix product is wrong by %g" % error)
check_product()
step = generate if spec["task"] == "generate" else train
print("ready " + json.dumps(describe()), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    step()
    print(1000 * (time.perf_counter() - start), flush=True)
`;

export type Setting = {
  readonly name: string;
  /** Of PyTorch itself, which has them from OpenMP, and of OpenBLAS. */
  readonly threads: number;
  readonly blasThreads: number;
  /** Threads of OpenMP that wait sleep, where they would otherwise spin and take the cores from those of OpenBLAS. */
  readonly passive: boolean;
  /** Of OpenBLAS; its own choice where undefined. */
  readonly coreType: string | undefined;
};

/**
 * Every pair of threads of which one is 1 or both are the same, with every kernel.
 * @param types undefined where it has no OpenBLAS: then its own threads are all there is to set
 */
export function settings(counts: readonly number[], types?: readonly (string | undefined)[]): Setting[] {
  const threads = counts.flatMap((n): Omit<Setting, "name" | "coreType">[] => {
    const all = { threads: n, blasThreads: n, passive: false };
    if (n === 1) return [all];
    const some =
      types === undefined
        ? []
        : [
            { ...all, threads: 1 },
            { ...all, blasThreads: 1 },
          ];
    return [...some, { ...all, passive: true }, all];
  });
  return (types ?? [undefined]).flatMap((coreType) =>
    threads.map((set) => {
      const blas = types === undefined ? {} : { blasThreads: set.blasThreads, kernels: coreType ?? "its own choice" };
      return { name: nameOf({ threads: set.threads, ...blas }, set.passive), ...set, coreType };
    }),
  );
}

/** What a process says about itself; without OpenBLAS there is nothing of it. */
type Description = { readonly threads: number; readonly blasThreads?: number; readonly kernels?: string };

/** @example 1 and 2 threads, SkylakeX */
const nameOf = ({ threads, blasThreads, kernels }: Description, passive: boolean): string =>
  [
    blasThreads === undefined ? threadCount(threads) : `${threads} and ${blasThreads} threads`,
    ...(passive ? ["passive"] : []),
    ...(kernels === undefined ? [] : [kernels]),
  ].join(", ");

/** Beside these a process has no variables of the libraries. */
export const environment = ({ threads, blasThreads, passive, coreType }: Setting): Record<string, string> => ({
  OMP_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(blasThreads),
  ...(passive ? { OMP_WAIT_POLICY: "PASSIVE" } : {}),
  ...(coreType === undefined ? {} : { OPENBLAS_CORETYPE: coreType }),
  // The memory of one step stays for the next, as ours does, and is not given back and asked for again.
  MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 30),
});

type PyTorch = Peer & { readonly hasOpenBlas: boolean };

/** How a SegRNN's decoder is written: with each product once, or with `nn.GRU`, as its authors have it. */
type Decoding = { readonly asPublished: boolean };

/** A process of one setting. @throws Error where it has no PyTorch, or a step's results are wrong */
export async function startSetting(
  python: string,
  shape: Shape,
  setting: Setting,
  { asPublished }: Decoding,
): Promise<PyTorch> {
  const spec = JSON.stringify({ ...shape, characters: charactersAStep, asPublished });
  const args = ["-c", program, spec, String(setting.threads)];
  const { greeting, ...peer } = await startProcess(python, args, { env: environment(setting) });
  const { version, ...description } = JSON.parse(greeting) as Description & { readonly version: string };
  const name = `${asPublished ? "nn.GRU, " : ""}PyTorch ${version}, ${nameOf(description, setting.passive)}`;
  return { ...peer, setting: name, hasOpenBlas: description.kernels !== undefined };
}

/** Where PyTorch may be. */
export const pythonsHere = ["/usr/bin/python3", "python3"] as const;

/** @param pythons of which the first that has PyTorch is taken: Debian's own has Debian's */
export function pytorchOf(
  pythons: readonly string[] = pythonsHere,
  { counts = threadCounts(), types = coreTypes(), asPublished = false } = {},
): StartPeer {
  return async (shape, say) => {
    for (const python of pythons) {
      const start = (setting: Setting): Promise<PyTorch> => startSetting(python, shape, setting, { asPublished });
      try {
        const first = await start(settings([1])[0] as Setting);
        first.end();
        const { fastest, tried } = await tryEach(settings(counts, first.hasOpenBlas ? types : undefined), start, say);
        return (await startEach(fastest, start)).map((peer) => ({ ...peer, tried }));
      } catch (error) {
        if (!/No module named 'torch'|ENOENT/.test(String(error))) throw error;
      }
    }
    return undefined;
  };
}

export const startPyTorch = pytorchOf();
/** With the decoder of a SegRNN as its authors write it. */
export const startPyTorchAsPublished = pytorchOf(pythonsHere, { asPublished: true });
