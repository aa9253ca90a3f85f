#!/bin/sh
# An LSTM or vanilla RNN of oneDNN that is made without a first state has wrong gradients of its recurrent weights.
#
# Version: Debian 12's libdnnl2 2.6.3-1, on the processor (it names its implementation "ref").
# Guess: src_iter may be left out, in training as well. Of that the documentation says that the primitive "should not use the
#   respective data and should use zero values instead". So to leave it out and to give zeros is the same.
# Seen: outputs are the same, and so are the gradients of the inputs, of their weights and of the biases. The gradients of the
#   recurrent weights are not: each step's gradient is multiplied by the output of that step in place of the one before (zeros at
#   the first). After one step from zeros these weights have done nothing, and their gradient is not zero. There is no error, and
#   a loss may fall all the same. It is so from left to right, in the last layer of a primitive; from right to left, in layers
#   below the last, and for GRUs, they are right. (The source of version 3 has the same lines; it was not run.) Where src_iter is
#   given (and src_iter_c to an LSTM), zeros or not, all is right.
# Output: one unit whose weights are all 1, inputs 1. The loss is the sum of the outputs; its slope is a difference of two losses.
#   oneDNN 2.6.3
#   vanilla RNN, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.320; 3 steps slope 0.166, gradient with zeros 0.166, without 0.547
#   vanilla RNN, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope 0.166, gradient with zeros 0.166, without 0.166
#   LSTM, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.129; 3 steps slope 0.224, gradient with zeros 0.224, without 0.558
#   LSTM, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope 0.224, gradient with zeros 0.224, without 0.224
#   GRU, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope -0.030, gradient with zeros -0.030, without -0.030
#   GRU, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope -0.030, gradient with zeros -0.030, without -0.030
#
# Needs Debian 12, a C++ compiler and the package archive (7 MB, and what it depends on); root is not needed, nothing is installed,
# and the temporary folder is removed. Exit 0: as said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
[ "$(cut -d. -f1 /etc/debian_version 2>/dev/null)" = 12 ] || cannot "this is not Debian 12."
[ "$(uname -m)" = x86_64 ] || cannot "this is no x86-64."
command -v g++ >/dev/null || cannot "there is no g++."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" "$folder/root"
# Lists and archives in the folder, as if nothing were installed.
apt() {
  apt-get -qq -o Dir::State="$folder/state" -o Dir::State::status=/dev/null -o Dir::Cache="$folder/cache" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User= "$@" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; cannot "apt-get failed."; }
}
apt update
apt install -y --no-install-recommends --download-only libdnnl2=2.6.3-1 libdnnl-dev=2.6.3-1
for package in "$folder"/cache/archives/*.deb; do
  case ${package##*/} in
    libdnnl* | libgomp1_* | ocl-icd-*) dpkg-deb -x "$package" "$folder/root" ;;
    *) ;; # Those of the system.
  esac
done

cat >"$folder/layers.cpp" <<'EOF'
#include <cmath>
#include <cstdio>
#include <unordered_map>
#include <dnnl.hpp>
using namespace dnnl;
using tag = memory::format_tag;

const engine cpu(engine::kind::cpu, 0);
memory::desc sized(const memory::dims &sizes, tag order) { return {sizes, memory::data_type::f32, order}; }
float *numbers(const memory &of) { return static_cast<float *>(of.get_data_handle()); }
memory filled(const memory::desc &description, float value) {
  memory made(description, cpu);
  for (size_t k = 0; k < description.get_size() / sizeof(float); k++) numbers(made)[k] = value;
  return made;
}
float total_of(const memory &of) {
  float total = 0;
  for (size_t k = 0; k < of.get_desc().get_size() / sizeof(float); k++) total += numbers(of)[k];
  return total;
}
memory ordered(stream &work, memory from, const memory::desc &layout) {
  memory to = filled(layout, 0);
  reorder(from, to).execute(work, from, to);
  work.wait();
  return to;
}

enum Kind { lstm, vanilla, gru };
struct Results {
  float loss, inputs, input_weights, biases, recurrent_weights;
};

// One layer forward and backward. All its recurrent weights are u.
Results run(Kind kind, rnn_direction direction, int steps, bool given, float u) {
  const int gates = kind == lstm ? 4 : kind == vanilla ? 1 : 3;
  const auto ahead = prop_kind::forward_training, behind = prop_kind::backward;
  const auto tanh = algorithm::eltwise_tanh;
  const auto values = sized({steps, 1, 1}, tag::tnc), state = sized({1, 1, 1, 1}, tag::ldnc);
  const auto plain = sized({1, 1, 1, gates, 1}, tag::ldigo), any = sized({1, 1, 1, gates, 1}, tag::any);
  const auto bias = sized({1, 1, gates, 1}, tag::ldgo);
  const memory::desc none, first = given ? state : none;
  const memory y = filled(values, 0), dx = filled(values, 0), db = filled(bias, 0);
  stream work(cpu);

  auto pass = [&](auto forward, auto backward) {
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC_LAYER, filled(values, 1)}, {DNNL_ARG_BIAS, filled(bias, 0)}, {DNNL_ARG_DST_LAYER, y},
        {DNNL_ARG_WEIGHTS_LAYER, ordered(work, filled(plain, 1), forward.weights_layer_desc())},
        {DNNL_ARG_WEIGHTS_ITER, ordered(work, filled(plain, u), forward.weights_iter_desc())},
        {DNNL_ARG_WORKSPACE, filled(forward.workspace_desc(), 0)}};
    if (given) arguments[DNNL_ARG_SRC_ITER] = filled(state, 0);
    if (given && kind == lstm) arguments[DNNL_ARG_SRC_ITER_C] = filled(state, 0);
    primitive(forward).execute(work, arguments);
    work.wait();
    // Gradients of weights are added to what is there: zeros.
    const memory dw = filled(backward.diff_weights_layer_desc(), 0), du = filled(backward.diff_weights_iter_desc(), 0);
    arguments[DNNL_ARG_WEIGHTS_LAYER] = ordered(work, filled(plain, 1), backward.weights_layer_desc());
    arguments[DNNL_ARG_WEIGHTS_ITER] = ordered(work, filled(plain, u), backward.weights_iter_desc());
    arguments[DNNL_ARG_DIFF_DST_LAYER] = filled(values, 1);
    arguments[DNNL_ARG_DIFF_SRC_LAYER] = dx;
    arguments[DNNL_ARG_DIFF_BIAS] = db;
    arguments[DNNL_ARG_DIFF_WEIGHTS_LAYER] = dw;
    arguments[DNNL_ARG_DIFF_WEIGHTS_ITER] = du;
    if (given) arguments[DNNL_ARG_DIFF_SRC_ITER] = filled(state, 0);
    if (given && kind == lstm) arguments[DNNL_ARG_DIFF_SRC_ITER_C] = filled(state, 0);
    primitive(backward).execute(work, arguments);
    work.wait();
    return Results{total_of(y), total_of(dx), total_of(ordered(work, dw, plain)), total_of(db), total_of(ordered(work, du, plain))};
  };
  if (kind == lstm) {
    const lstm_forward::primitive_desc forward(
        {ahead, direction, values, first, first, any, any, bias, values, none, none}, cpu);
    return pass(forward, lstm_backward::primitive_desc({behind, direction, values, first, first, any, any, bias, values, none, none,
        values, first, first, any, any, bias, values, none, none}, cpu, forward));
  }
  if (kind == vanilla) {
    const vanilla_rnn_forward::primitive_desc forward(
        {ahead, tanh, direction, values, first, any, any, bias, values, none}, cpu);
    return pass(forward, vanilla_rnn_backward::primitive_desc({behind, tanh, direction, values, first, any, any, bias, values, none,
        values, first, any, any, bias, values, none}, cpu, forward));
  }
  const gru_forward::primitive_desc forward({ahead, direction, values, first, any, any, bias, values, none}, cpu);
  return pass(forward, gru_backward::primitive_desc({behind, direction, values, first, any, any, bias, values, none,
      values, first, any, any, bias, values, none}, cpu, forward));
}

int main() {
  const dnnl_version_t &version = *dnnl_version();
  std::printf("oneDNN %d.%d.%d\n", version.major, version.minor, version.patch);
  const char *names[] = {"LSTM", "vanilla RNN", "GRU"};
  const auto rightwards = rnn_direction::unidirectional_left2right, leftwards = rnn_direction::unidirectional_right2left;
  for (const Kind kind : {vanilla, lstm, gru})
    for (const rnn_direction direction : {rightwards, leftwards}) {
      std::printf("%s, %s:", names[kind], direction == rightwards ? "left to right" : "right to left");
      for (const int steps : {1, 3}) {
        const Results zeros = run(kind, direction, steps, true, 1), without = run(kind, direction, steps, false, 1);
        const float more = run(kind, direction, steps, false, 1.01f).loss, less = run(kind, direction, steps, false, 0.99f).loss;
        auto near = [](float a, float b) { return std::fabs(a - b) < 1e-5f; };
        const bool same = near(zeros.loss, without.loss) && near(zeros.inputs, without.inputs) &&
            near(zeros.input_weights, without.input_weights) && near(zeros.biases, without.biases);
        std::printf("%s %d step%s slope %.3f, gradient with zeros %.3f, without %.3f%s", steps == 1 ? "" : ";", steps,
            steps == 1 ? "" : "s", (more - less) / 0.02f + 0.0f, zeros.recurrent_weights + 0.0f, without.recurrent_weights + 0.0f,
            same ? "" : ", and others differ");
      }
      std::printf("\n");
    }
}
EOF
lib="$folder/root/usr/lib/x86_64-linux-gnu"
g++ -O1 -std=c++17 -I"$folder/root/usr/include" "$folder/layers.cpp" -o "$folder/layers" -L"$lib" -ldnnl \
  -Wl,-rpath-link,"$lib" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; cannot "the program could not be compiled."; }
cat >"$folder/expected" <<'EOF_TEXT'
oneDNN 2.6.3
vanilla RNN, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.320; 3 steps slope 0.166, gradient with zeros 0.166, without 0.547
vanilla RNN, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope 0.166, gradient with zeros 0.166, without 0.166
LSTM, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.129; 3 steps slope 0.224, gradient with zeros 0.224, without 0.558
LSTM, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope 0.224, gradient with zeros 0.224, without 0.224
GRU, left to right: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope -0.030, gradient with zeros -0.030, without -0.030
GRU, right to left: 1 step slope 0.000, gradient with zeros 0.000, without 0.000; 3 steps slope -0.030, gradient with zeros -0.030, without -0.030
EOF_TEXT
env OMP_NUM_THREADS=1 LD_LIBRARY_PATH="$lib" "$folder/layers" >"$folder/seen" 2>"$folder/log" ||
  { cat "$folder/log" >&2; cannot "the program failed."; }
cat "$folder/seen"
if cmp -s "$folder/seen" "$folder/expected"; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
