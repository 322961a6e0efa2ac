// Whole training runs for Python: arrays of float64 in and out, and no GIL while there is work to do.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <mutex>

#include "mlp.h"
#include "population.h"

namespace py = pybind11;
using namespace nnplay;

namespace {

using Numbers = py::array_t<double, py::array::c_style | py::array::forcecast>;

[[noreturn]] void refuse(const std::string& what, const std::string& expected, const std::string& got) {
  throw py::value_error(what + ": expected " + expected + ", got " + got);
}

Activation activation_named(const std::string& name) {
  std::string known;
#define NNPLAY_ENTRY(Type)                                    \
  if (name == nnplay::Type::name) return Activation::Type;    \
  known += (known.empty() ? "" : ", ") + std::string(nnplay::Type::name);
  NNPLAY_ACTIVATIONS(NNPLAY_ENTRY)
#undef NNPLAY_ENTRY
  refuse("activation", "one of " + known, "'" + name + "'");
}

Optimizer optimizer_named(const std::string& name) {
  if (name == "sgd") return Optimizer::sgd;
  if (name == "adam") return Optimizer::adam;
  if (name == "adamw") return Optimizer::adamw;
  refuse("optimizer", "sgd, adam or adamw", "'" + name + "'");
}

Shape shape_of(const std::vector<int64_t>& widths, const std::vector<std::string>& activations, bool bias,
               const std::string& loss) {
  std::vector<Activation> functions;
  for (const std::string& name : activations) functions.push_back(activation_named(name));
  if (loss != "cross_entropy" && loss != "mse") refuse("loss", "cross_entropy or mse", "'" + loss + "'");
  return make_shape(widths, functions, bias, loss == "mse" ? Loss::mse : Loss::cross_entropy);
}

Rows rows_of(const Numbers& features, const Numbers& targets) {
  const bool fits = features.ndim() == 2 && (targets.ndim() == 1 || targets.ndim() == 2) &&
                    features.shape(0) == targets.shape(0);
  if (!fits)
    refuse("data", "features of shape (rows, inputs) and as many rows of targets",
           std::to_string(features.ndim()) + " and " + std::to_string(targets.ndim()) + " dimensions, " +
               std::to_string(features.ndim() ? features.shape(0) : 0) + " and " +
               std::to_string(targets.ndim() ? targets.shape(0) : 0) + " rows");
  return {features.data(), targets.data(), features.shape(0), features.shape(1),
          targets.ndim() == 2 ? targets.shape(1) : 1};
}

void check_weights(const Numbers& weights, int64_t parameters) {
  if (weights.size() != parameters)
    refuse("weights", std::to_string(parameters) + " numbers", std::to_string(weights.size()));
}

bool is_twice(const std::string& dtype) {
  if (dtype != "float32" && dtype != "float64") refuse("dtype", "float32 or float64", "'" + dtype + "'");
  return dtype == "float64";
}

template <class Number>
py::array_t<Number> array_of(const std::vector<Number>& numbers) {
  return py::array_t<Number>(numbers.size(), numbers.data());
}

py::object entry_of(const py::dict& entries, const char* name) {
  if (!entries.contains(name)) refuse("state", std::string("an entry '") + name + "'", "none");
  return entries[name];
}

template <class Number>
std::vector<Number> vector_of(const py::dict& arrays, const char* name) {
  using Array = py::array_t<Number, py::array::c_style>;
  const py::object found = entry_of(arrays, name);
  if (!py::isinstance<Array>(found))
    refuse(name, "an array of " + py::str(py::dtype::of<Number>()).template cast<std::string>(),
           py::repr(py::type::of(found)).cast<std::string>() +
               (py::hasattr(found, "dtype") ? " of " + py::str(found.attr("dtype")).cast<std::string>() : ""));
  const auto array = found.cast<Array>();
  if (array.ndim() != 1) refuse(name, "one dimension", std::to_string(array.ndim()));
  return {array.data(), array.data() + array.size()};
}

template <class Number>
Number number_of(const py::dict& numbers, const char* name) {
  const py::object found = entry_of(numbers, name);
  try {
    return found.cast<Number>();
  } catch (const py::cast_error&) {
    refuse(name, std::is_integral_v<Number> ? "a whole number" : "a number", py::repr(found).cast<std::string>());
  }
}

bool is_on_device(const std::string& device) {
  if (device != "cpu" && device != "cuda") refuse("device", "cpu or cuda", "'" + device + "'");
  return device == "cuda";
}

// A run that two threads may hold: one at a time works on it.
class SharedRun {
  std::unique_ptr<Run> run;
  int64_t outputs;
  std::mutex busy;

  template <class Work>
  auto alone(Work work) {
    py::gil_scoped_release no_gil;
    std::lock_guard lock(busy);
    return work(*run);
  }

 public:
  SharedRun(const std::vector<int64_t>& widths, const std::vector<std::string>& activations, bool bias,
            const std::string& loss, const Numbers& features, const Numbers& targets, const Rule& rule,
            const Batches& batches, uint64_t seed, const std::optional<Numbers>& test_features,
            const std::optional<Numbers>& test_targets, const std::optional<Numbers>& weights, int64_t skipped,
            const std::string& dtype, bool fused, const std::string& device)
      : outputs(widths.empty() ? 0 : widths.back()) {
    const Shape shape = shape_of(widths, activations, bias, loss);
    if (test_features.has_value() != test_targets.has_value())
      refuse("test_features and test_targets", "both or neither", "one");
    const Rows rows = rows_of(features, targets), test = test_features ? rows_of(*test_features, *test_targets) : Rows{};
    const bool twice = is_twice(dtype), on_device = is_on_device(device);
    if (weights) check_weights(*weights, count_parameters(shape));
    const Beginning beginning{seed, skipped, weights ? weights->data() : nullptr};
    py::gil_scoped_release no_gil;
    run = make_run(shape, rows, test, rule, batches, beginning, twice, fused, on_device);
  }

  int64_t parameters() { return run->parameters(); }
  int64_t steps_left() { return alone([](Run& r) { return r.steps_left(); }); }
  void begin_epoch() { alone([](Run& r) { r.begin_epoch(); }); }
  void set_rule(const Rule& rule) { alone([&](Run& r) { r.set_rule(rule); }); }
  void set_batches(const Batches& batches) { alone([&](Run& r) { r.set_batches(batches); }); }

  std::pair<int64_t, double> advance(int64_t steps) {
    double bad = 0;
    const int64_t taken = alone([&](Run& r) { return r.advance(steps, bad); });
    return {taken, bad};
  }

  // Scores (epochs, 5): steps, train loss and accuracy, test loss and accuracy; steps and loss of the epoch that did not
  // end; seconds.
  py::tuple advance_epochs(int64_t count) {
    const Epochs found = alone([&](Run& r) { return r.advance_epochs(count); });
    py::array_t<double> scores({int64_t(found.ended.size()), int64_t(5)});
    double* to = scores.mutable_data();
    for (const auto& [steps, train, test] : found.ended)
      for (const double number : {double(steps), train.loss, train.accuracy, test.loss, test.accuracy}) *to++ = number;
    return py::make_tuple(scores, found.steps, found.bad, found.seconds);
  }

  void interrupt() { run->interrupt(); }  // the one thing that does not wait for its turn

  std::pair<double, double> score() {
    const Score score = alone([](Run& r) { return r.score(); });
    return {score.loss, score.accuracy};
  }

  std::pair<double, double> test() {
    const Score score = alone([](Run& r) { return r.test(); });
    return {score.loss, score.accuracy};
  }

  py::tuple evaluate(const Numbers& features, const Numbers& targets) {
    const Rows rows = rows_of(features, targets);
    py::array_t<double> result({rows.rows, outputs});
    double* to = result.mutable_data();
    const Score score = alone([&](Run& r) { return r.evaluate(rows, to); });
    return py::make_tuple(score.loss, score.accuracy, result);
  }

  py::array_t<double> weights() {
    py::array_t<double> result(parameters());
    double* to = result.mutable_data();
    alone([&](Run& r) { r.read_weights(to); });
    return result;
  }

  void set_weights(const Numbers& weights) {
    check_weights(weights, parameters());
    const double* from = weights.data();
    alone([&](Run& r) { r.write_weights(from); });
  }

  py::array_t<int64_t> batch() {
    return array_of(alone([](Run& r) { return r.batch(); }));
  }

  // Two dicts: arrays and numbers, by the names that `restore` expects.
  py::tuple state() {
    RunState state;
    alone([&](Run& r) { r.read_state(state); });
    py::dict arrays, numbers;
    arrays["weights"] = array_of(state.weights);
    arrays["first_moment"] = array_of(state.first);
    arrays["second_moment"] = array_of(state.second);
    arrays["order"] = array_of(state.order);
    arrays["generator"] = py::array_t<uint32_t>(TwisterState::size, state.generator.words);
    numbers["generator_next"] = state.generator.next;
    numbers["steps"] = state.steps;
    numbers["place"] = state.place;
    numbers["goal"] = state.goal;
    numbers["batch_size"] = state.batch_size;
    numbers["loss_sum"] = state.sums.loss;
    numbers["right_sum"] = state.sums.right;
    numbers["rows_taken"] = state.sums.rows;
    return py::make_tuple(arrays, numbers);
  }

  void restore(const py::dict& arrays, const py::dict& numbers) {
    RunState state;
    state.weights = vector_of<double>(arrays, "weights");
    state.first = vector_of<double>(arrays, "first_moment");
    state.second = vector_of<double>(arrays, "second_moment");
    state.order = vector_of<int64_t>(arrays, "order");
    const std::vector<uint32_t> words = vector_of<uint32_t>(arrays, "generator");
    if (words.size() != TwisterState::size)
      refuse("generator", std::to_string(TwisterState::size) + " words", std::to_string(words.size()));
    std::copy(words.begin(), words.end(), state.generator.words);
    state.generator.next = number_of<int>(numbers, "generator_next");
    state.steps = number_of<int64_t>(numbers, "steps");
    state.place = number_of<int64_t>(numbers, "place");
    state.goal = number_of<int64_t>(numbers, "goal");
    state.batch_size = number_of<int64_t>(numbers, "batch_size");
    state.sums.loss = number_of<double>(numbers, "loss_sum");
    state.sums.right = number_of<double>(numbers, "right_sum");
    state.sums.rows = number_of<int64_t>(numbers, "rows_taken");
    alone([&](Run& r) { r.restore(state); });
  }

  py::array_t<double> gradient() {
    py::array_t<double> result(parameters());
    double* to = result.mutable_data();
    alone([&](Run& r) { r.read_gradient(to); });
    return result;
  }
};

// Ctrl-C stops a population: the signal is seen between two groups of networks.
bool no_signal() {
  py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() == 0;
}

py::tuple train(const std::vector<int64_t>& widths, const std::vector<std::string>& activations, bool bias,
                const std::string& loss, const Numbers& features, const Numbers& targets, const Numbers& test_features,
                const Numbers& test_targets, const Rule& rule, const Batches& batches, int64_t epochs,
                const std::vector<uint64_t>& seeds, const Numbers& lr, const Numbers& weight_decay,
                const std::optional<Numbers>& weights, int64_t skipped, const std::string& dtype, bool fused,
                bool test_epochs, int threads, const std::string& device) {
  const Shape shape = shape_of(widths, activations, bias, loss);
  const int64_t count = int64_t(seeds.size()), parameters = count_parameters(shape);
  const std::string wanted = std::to_string(count) + ", one for each seed";
  if (lr.size() != count) refuse("lr", wanted, std::to_string(lr.size()));
  if (weight_decay.size() != count) refuse("weight_decay", wanted, std::to_string(weight_decay.size()));
  checked_product({count, parameters, 8});
  checked_product({count, epochs, 8});
  if (weights && weights->size() != count * parameters)
    refuse("weights", std::to_string(count) + " networks of " + std::to_string(parameters) + " numbers",
           std::to_string(weights->size()));
  py::array_t<double> losses({count, epochs}), accuracies({count, epochs}), last({count, parameters});
  const int64_t tests = test_epochs ? epochs : 1;
  py::array_t<double> test_loss({count, tests}), test_accuracy({count, tests});
  py::array_t<int64_t> good(count);
  Population population{shape, rows_of(features, targets), rows_of(test_features, test_targets), rule, batches, epochs,
                        count, seeds.data(), lr.data(), weight_decay.data(), weights ? weights->data() : nullptr,
                        skipped, test_epochs, threads, is_twice(dtype), fused, is_on_device(device), losses.mutable_data(),
                        accuracies.mutable_data(), test_loss.mutable_data(), test_accuracy.mutable_data(),
                        good.mutable_data(), last.mutable_data()};
  bool done;
  {
    py::gil_scoped_release no_gil;
    done = train_population(population, no_signal);
  }
  if (!done) throw py::error_already_set();
  return py::make_tuple(losses, accuracies, test_loss, test_accuracy, good, last);
}

}  // namespace

void bind_mlp(py::module_& m) {
  py::class_<Rule>(m, "Rule")
      .def(py::init([](const std::string& optimizer, double lr, double momentum, double weight_decay, bool nesterov,
                       double beta1, double beta2, double eps) {
             return Rule{optimizer_named(optimizer), lr, momentum, weight_decay, nesterov, beta1, beta2, eps};
           }),
           py::arg("optimizer"), py::arg("lr"), py::kw_only(), py::arg("momentum") = 0.0,
           py::arg("weight_decay") = 0.0, py::arg("nesterov") = false, py::arg("beta1") = 0.9,
           py::arg("beta2") = 0.999, py::arg("eps") = 1e-8);
  py::class_<Batches>(m, "Batches")
      .def(py::init([](int64_t size, bool shuffle, bool drop_last, bool weighted) {
             return Batches{size, shuffle, drop_last, weighted};
           }),
           py::arg("size"), py::kw_only(), py::arg("shuffle") = true, py::arg("drop_last") = false,
           py::arg("weighted") = true);
  py::class_<SharedRun>(m, "Run")
      .def(py::init<const std::vector<int64_t>&, const std::vector<std::string>&, bool, const std::string&,
                    const Numbers&, const Numbers&, const Rule&, const Batches&, uint64_t, const std::optional<Numbers>&,
                    const std::optional<Numbers>&, const std::optional<Numbers>&, int64_t, const std::string&, bool,
                    const std::string&>(),
           py::kw_only(), py::arg("widths"), py::arg("activations"), py::arg("bias"), py::arg("loss"),
           py::arg("features"), py::arg("targets"), py::arg("rule"), py::arg("batches"), py::arg("seed"),
           py::arg("test_features").none(true) = py::none(), py::arg("test_targets").none(true) = py::none(),
           py::arg("weights").none(true) = py::none(), py::arg("skipped") = 0, py::arg("dtype"), py::arg("fused"),
           py::arg("device") = "cpu")
      .def_property_readonly("parameters", &SharedRun::parameters)
      .def_property_readonly("steps_left", &SharedRun::steps_left)
      .def("begin_epoch", &SharedRun::begin_epoch)
      .def("advance", &SharedRun::advance, py::arg("steps"))
      .def("advance_epochs", &SharedRun::advance_epochs, py::arg("count"))
      .def("interrupt", &SharedRun::interrupt)
      .def("score", &SharedRun::score)
      .def("test", &SharedRun::test)
      .def("set_rule", &SharedRun::set_rule, py::arg("rule"))
      .def("set_batches", &SharedRun::set_batches, py::arg("batches"))
      .def("evaluate", &SharedRun::evaluate, py::arg("features"), py::arg("targets"))
      .def("weights", &SharedRun::weights)
      .def("set_weights", &SharedRun::set_weights, py::arg("weights"))
      .def("gradient", &SharedRun::gradient)
      .def("batch", &SharedRun::batch)
      .def("state", &SharedRun::state)
      .def("restore", &SharedRun::restore, py::arg("arrays"), py::arg("numbers"));
  m.def("train_population", &train, py::kw_only(), py::arg("widths"), py::arg("activations"), py::arg("bias"),
        py::arg("loss"), py::arg("features"), py::arg("targets"), py::arg("test_features"), py::arg("test_targets"),
        py::arg("rule"), py::arg("batches"), py::arg("epochs"), py::arg("seeds"), py::arg("lr"),
        py::arg("weight_decay"), py::arg("weights").none(true), py::arg("skipped") = 0, py::arg("dtype"),
        py::arg("fused"), py::arg("test_epochs"), py::arg("threads"), py::arg("device") = "cpu");
}
