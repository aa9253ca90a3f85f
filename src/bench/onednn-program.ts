/**
 * The program by which oneDNN takes part, in C++: it is compiled where a compiler and the library are installed. Run with version 2.6.3
 * of oneDNN (https://uxlfoundation.github.io/oneDNN/dev_guide_rnn.html); what differs in version 3 is written and was never run. Knows nothing about who measures it.
 */

export const oneDnnProgram = `
// Recurrent layers, each upon the one before: a step runs them forward, in training mode, and backward, from given gradients of the
// last layer's outputs to those of all weights, biases and inputs. Weights change between the steps of a training, so each
// step brings them into the layouts that the library wants.
//
//   program KIND STEPS BATCH FEATURES UNITS LAYERS [VALUES RESULTS]
//
// It does a step for each line that it reads, and answers with the milliseconds. VALUES is a file of f32 to compute with: of each layer W (D,G,H),
// U (H,G,H) and b (G,H), then x (T,B,D) and the gradients of the outputs (T,B,H). RESULTS gets, after the first step, the outputs, the
// gradients of x, and of each layer those of W, U and b. Gates: i f g o; u r g, and a bias more for "gru"; one.
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>
#include <dnnl.hpp>

using namespace dnnl;
using tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

static engine &cpu() {
  static engine one(engine::kind::cpu, 0);
  return one;
}
static memory::desc described(const memory::dims &sizes, tag order) {
  return memory::desc(sizes, memory::data_type::f32, order);
}
static memory allocated(const memory::desc &description) { return memory(description, cpu()); }
static memory zeros(const memory::desc &description) {
  memory made = allocated(description);
  std::memset(made.get_data_handle(), 0, description.get_size());
  return made;
}
static float *numbers(const memory &of) { return static_cast<float *>(of.get_data_handle()); }
static size_t count(const memory &of) { return of.get_desc().get_size() / sizeof(float); }

// Version 2 has a description of an operation before that of its implementation.
template <class Primitive, class... Values>
static typename Primitive::primitive_desc forward_of(const Values &...values) {
#if DNNL_VERSION_MAJOR < 3
  return typename Primitive::primitive_desc(typename Primitive::desc(values...), cpu());
#else
  return typename Primitive::primitive_desc(cpu(), values...);
#endif
}
template <class Primitive, class Forward, class... Values>
static typename Primitive::primitive_desc backward_of(const Forward &forward, const Values &...values) {
#if DNNL_VERSION_MAJOR < 3
  return typename Primitive::primitive_desc(typename Primitive::desc(values...), cpu(), forward);
#else
  return typename Primitive::primitive_desc(cpu(), values..., forward);
#endif
}

// A matrix as it is kept, and in the layout that a primitive wants, which may be the same.
struct Matrix {
  memory kept, wanted;
  bool differs;
  reorder there, back;

  Matrix(const memory &matrix, const memory::desc &layout) : kept(matrix), differs(layout != matrix.get_desc()) {
    wanted = differs ? allocated(layout) : kept;
    if (!differs) return;
    there = reorder(kept, wanted);
    back = reorder(wanted, kept);
  }
  void bring(stream &work) {
    if (differs) there.execute(work, kept, wanted);
  }
  void fetch(stream &work) {
    if (differs) back.execute(work, wanted, kept);
  }
  void clear() { std::memset(numbers(wanted), 0, wanted.get_desc().get_size()); }
};

struct Sizes {
  std::string kind;
  memory::dim steps, batch, features, units;
};

class Layer {
public:
  memory x, dx, y, dy, w, u, b, dw, du, db;

  Layer(const Sizes &sizes, const memory &x, const memory &dx) : x(x), dx(dx) {
    const memory::dim features = sizes.features, units = sizes.units;
    const memory::dim gates = sizes.kind == "lstm" ? 4 : sizes.kind == "simple-rnn" ? 1 : 3;
    const memory::dim biases = sizes.kind == "gru" ? 4 : gates;
    const auto in = described({sizes.steps, sizes.batch, features}, tag::tnc);
    const auto out = described({sizes.steps, sizes.batch, units}, tag::tnc);
    const auto bias = described({1, 1, biases, units}, tag::ldgo);
    const memory::dims w_sizes = {1, 1, features, gates, units}, u_sizes = {1, 1, units, gates, units};
    for (auto *one : {&y, &dy}) *one = allocated(out);
    for (auto *one : {&w, &dw}) *one = allocated(described(w_sizes, tag::ldigo));
    for (auto *one : {&u, &du}) *one = allocated(described(u_sizes, tag::ldigo));
    for (auto *one : {&b, &db}) *one = allocated(bias);

    // States start from zeros. They are given, and the last ones taken: where a library of version 2.6.3 is given none, its gradients of
    // U are wrong for LSTMs and simple RNNs.
    const auto state = described({1, 1, sizes.batch, units}, tag::ldnc);
    const auto any_w = described(w_sizes, tag::any), any_u = described(u_sizes, tag::any);
    const auto training = prop_kind::forward_training, back = prop_kind::backward;
    const auto onward = rnn_direction::unidirectional_left2right;
    if (sizes.kind == "lstm") {
      const auto ahead = forward_of<lstm_forward>(
          training, onward, in, state, state, any_w, any_u, bias, out, state, state);
      connect<lstm_forward, lstm_backward>(ahead, backward_of<lstm_backward>(
          ahead, back, onward, in, state, state, any_w, any_u, bias, out, state, state,
          in, state, state, any_w, any_u, bias, out, state, state));
    } else if (sizes.kind == "gru") {
      const auto ahead = forward_of<lbr_gru_forward>(training, onward, in, state, any_w, any_u, bias, out, state);
      connect<lbr_gru_forward, lbr_gru_backward>(ahead, backward_of<lbr_gru_backward>(
          ahead, back, onward, in, state, any_w, any_u, bias, out, state, in, state, any_w, any_u, bias, out, state));
    } else if (sizes.kind == "gru-reset-before") {
      const auto ahead = forward_of<gru_forward>(training, onward, in, state, any_w, any_u, bias, out, state);
      connect<gru_forward, gru_backward>(ahead, backward_of<gru_backward>(
          ahead, back, onward, in, state, any_w, any_u, bias, out, state, in, state, any_w, any_u, bias, out, state));
    } else if (sizes.kind == "simple-rnn") {
      const auto tanh = algorithm::eltwise_tanh;
      const auto ahead = forward_of<vanilla_rnn_forward>(
          training, tanh, onward, in, state, any_w, any_u, bias, out, state);
      connect<vanilla_rnn_forward, vanilla_rnn_backward>(ahead, backward_of<vanilla_rnn_backward>(
          ahead, back, tanh, onward, in, state, any_w, any_u, bias, out, state,
          in, state, any_w, any_u, bias, out, state));
    } else throw std::runtime_error("there is no layer " + sizes.kind);
  }

  void run_forward(stream &work) {
    for (auto &one : read_forward) one.bring(work);
    forward.execute(work, forward_arguments);
  }
  void run_backward(stream &work) {
    for (auto &one : read_backward) one.bring(work);
    // The primitive adds to what is there.
    for (auto &one : made) one.clear();
    backward.execute(work, backward_arguments);
    for (auto &one : made) one.fetch(work);
  }

private:
  std::vector<Matrix> read_forward, read_backward, made;
  primitive forward, backward;
  Arguments forward_arguments, backward_arguments;

  template <class Forward, class Backward>
  void connect(const typename Forward::primitive_desc &ahead, const typename Backward::primitive_desc &behind) {
    read_forward = {{w, ahead.weights_layer_desc()}, {u, ahead.weights_iter_desc()}};
    read_backward = {{w, behind.weights_layer_desc()}, {u, behind.weights_iter_desc()}};
    made = {{dw, behind.diff_weights_layer_desc()}, {du, behind.diff_weights_iter_desc()}, {db, db.get_desc()}};
    forward = Forward(ahead);
    backward = Backward(behind);
    forward_arguments = {
        {DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST_LAYER, y},
        {DNNL_ARG_WORKSPACE, allocated(ahead.workspace_desc())},
        {DNNL_ARG_WEIGHTS_LAYER, read_forward[0].wanted}, {DNNL_ARG_WEIGHTS_ITER, read_forward[1].wanted}};
    for (const int one : {DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C, DNNL_ARG_DST_ITER, DNNL_ARG_DST_ITER_C})
      forward_arguments[one] = zeros(ahead.dst_iter_desc());
    backward_arguments = forward_arguments;
    for (const auto &one : Arguments{
        {DNNL_ARG_WEIGHTS_LAYER, read_backward[0].wanted}, {DNNL_ARG_WEIGHTS_ITER, read_backward[1].wanted},
        {DNNL_ARG_DIFF_SRC_LAYER, dx}, {DNNL_ARG_DIFF_DST_LAYER, dy}, {DNNL_ARG_DIFF_BIAS, db},
        {DNNL_ARG_DIFF_WEIGHTS_LAYER, made[0].wanted}, {DNNL_ARG_DIFF_WEIGHTS_ITER, made[1].wanted}})
      backward_arguments[one.first] = one.second;
    for (const int one : {DNNL_ARG_DIFF_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER_C, DNNL_ARG_DIFF_DST_ITER, DNNL_ARG_DIFF_DST_ITER_C})
      backward_arguments[one] = zeros(ahead.dst_iter_desc());
  }
};

static void run(const std::vector<std::string> &words) {
  if (words.size() != 6 && words.size() != 8) throw std::runtime_error("it needs 6 or 8 arguments");
  Sizes sizes = {words[0], std::stol(words[1]), std::stol(words[2]), std::stol(words[3]), std::stol(words[4])};
  const auto in = described({sizes.steps, sizes.batch, sizes.features}, tag::tnc);
  memory x = allocated(in), dx = allocated(in);
  std::vector<Layer> layers;
  for (long left = std::stol(words[5]); left > 0; left--) {
    if (layers.empty()) layers.emplace_back(sizes, x, dx);
    else layers.emplace_back(sizes, layers.back().y, layers.back().dy);
    sizes.features = sizes.units;
  }

  std::ifstream values;
  if (words.size() == 8) values.open(words[6], std::ios::binary);
  std::mt19937 random(1);
  auto fill = [&](const memory &one, float most) {
    if (words.size() == 8) values.read(reinterpret_cast<char *>(numbers(one)), sizeof(float) * count(one));
    else for (size_t k = 0; k < count(one); k++) numbers(one)[k] = std::uniform_real_distribution<float>(-most, most)(random);
  };
  const float most = 1 / std::sqrt(static_cast<float>(sizes.units));
  for (auto &layer : layers) for (auto *one : {&layer.w, &layer.u, &layer.b}) fill(*one, most);
  fill(x, 1);
  fill(layers.back().dy, 1);
  if (words.size() == 8 && !values) throw std::runtime_error("the file of values is too short");

  stream work(cpu());
  auto step = [&] {
    for (auto &layer : layers) layer.run_forward(work);
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) layer->run_backward(work);
    work.wait();
  };
  if (words.size() == 8) {
    step();
    std::ofstream results(words[7], std::ios::binary);
    auto write = [&](const memory &one) {
      results.write(reinterpret_cast<const char *>(numbers(one)), sizeof(float) * count(one));
    };
    write(layers.back().y);
    write(dx);
    for (auto &layer : layers) for (auto *one : {&layer.dw, &layer.du, &layer.db}) write(*one);
  }
  const dnnl_version_t &version = *dnnl_version();
  std::cout << "ready " << version.major << "." << version.minor << "." << version.patch << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    if (!std::isfinite(numbers(dx)[0])) throw std::runtime_error("its gradients are not finite");
    std::cout << taken.count() << std::endl;
  }
}

int main(int argc, char **argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
`;
