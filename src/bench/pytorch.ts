/**
 * PyTorch as a peer: training steps, and generation one token at a time. Written for its best figures, and measured in
 * the best of its settings: threads of its own and of OpenBLAS, and the kernels of OpenBLAS, which does not know
 * processors that are newer than itself.
 */
import { type Peer, type StartPeer, startEach, startProcess, threadCount } from "./peer-process.ts";
import { coreTypes, threadCounts } from "./processor.ts";
import { charactersAStep } from "./shapes.ts";
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
    loss = nn.functional.cross_entropy(logits.view(-1, V), targets.view(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
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
step = train if spec["task"] == "train" else generate
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

async function startSetting(python: string, spec: string, setting: Setting): Promise<PyTorch> {
  const args = ["-c", program, spec, String(setting.threads)];
  const { greeting, ...peer } = await startProcess(python, args, { env: environment(setting) });
  const { version, ...description } = JSON.parse(greeting) as Description & { readonly version: string };
  const name = `PyTorch ${version}, ${nameOf(description, setting.passive)}`;
  return { ...peer, setting: name, hasOpenBlas: description.kernels !== undefined };
}

/** @param pythons of which the first that has PyTorch is taken: Debian's own has Debian's */
export function pytorchOf(
  pythons: readonly string[] = ["/usr/bin/python3", "python3"],
  { counts = threadCounts(), types = coreTypes() } = {},
): StartPeer {
  return async (shape, say) => {
    const spec = JSON.stringify({ ...shape, characters: charactersAStep });
    for (const python of pythons) {
      const start = (setting: Setting): Promise<PyTorch> => startSetting(python, spec, setting);
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
