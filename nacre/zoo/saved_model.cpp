#include "nacre/zoo/saved_model.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nacre/base/json.h"
#include "nacre/base/output.h"
#include "nacre/base/utf8.h"
#include "nacre/io/model_file.h"
#include "nacre/nn/api.h"
#include "nacre/ops/reduce/finite.h"
#include "nacre/run/trace_session.h"
#include "nacre/train/model_impl.h"
#include "nacre/zoo/architecture.h"
#include "nacre/zoo/layer_spec.h"

namespace nacre {
namespace zoo {

using Json = nlohmann::json;

namespace {

// Values of one sample; more is no sample but a damaged file.
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;

constexpr const char* kHint = "the file is damaged, or of a newer program";

Spec input_of(const JsonView& architecture) {
  Spec spec;
  const JsonView dims = architecture.at("input");
  const std::vector<std::int64_t> sizes = dims.wholes(1, kMostElements);
  std::int64_t elements = 1;
  for (const std::int64_t d : sizes) {
    if (__builtin_mul_overflow(elements, d, &elements) || elements > kMostElements) {
      dims.fail(fmt::format("a shape of at most {} values", kMostElements));
    }
  }
  if (sizes.size() >= kMaxRank) dims.fail(fmt::format("at most {} sizes", kMaxRank - 1));
  spec.shape = Shape(sizes);
  spec.dtype = f32;
  if (const auto dtype = architecture.find("input_dtype")) {
    try {
      spec.dtype = dtype_from_name(dtype->text());
    } catch (const ValueError&) {
      dtype->fail("the name of a dtype");
    }
  }
  return spec;
}

// A layer none of whose variables was in the file: it would make some of its own, of any size.
class WithoutWeights final : public nn::ModuleVisitor {
 public:
  std::vector<std::string> names;

  void variable(std::string_view, Variable& v) override {
    places_.back().variables = true;
    places_.back().defined = places_.back().defined || v.defined();
  }
  void enter(std::string_view name, nn::LayerBase*) override {
    const std::string outer = places_.empty() ? "" : places_.back().name;
    places_.push_back({outer + (outer.empty() ? "" : ".") + std::string(name)});
  }
  void leave() override {
    const Place& place = places_.back();
    if (place.variables && !place.defined) names.push_back(place.name);
    places_.pop_back();
  }

 private:
  struct Place {
    std::string name;
    bool variables = false;
    bool defined = false;
  };
  std::vector<Place> places_{{}};
};

// Whether weights and layers fit is found out now, not by the first prediction: layers that lack a
// weight would quietly begin with one of their own.
void expect_complete(SavedModel& saved, const nn::StateMap& values) {
  WithoutWeights lacking;
  saved.model.network().visit(lacking);
  if (!lacking.names.empty()) {
    throw ValueError(fmt::format("the file has no weights for layer \"{}\"", lacking.names[0]));
  }
  if (saved.input.shape.rank() == 0) return;  // the file does not say what it takes
  Spec batch{saved.input.dtype, Shape{1}};
  for (const std::int64_t d : saved.input.shape) batch.shape.push_back(d);
  {
    const TrainingScope infer(false);
    TraceSession session;
    saved.model.network().outputs({session.argument(batch)});
  }
  for (const nn::NamedVariable& v : saved.model.state()) {
    if (values.contains(v.name)) continue;
    throw ValueError(fmt::format("the file has no weight \"{}\"", v.name));
  }
}

Task task_of(const JsonView& architecture) {
  const auto name = architecture.find("task");
  if (!name) return Task::classification;
  const auto task = task_from_name(name->text());
  if (!task) name->fail(fmt::format("one of {}", fmt::join(task_names(), ", ")));
  return *task;
}

}  // namespace

void save_model(const std::filesystem::path& path, Model& model, const Spec& input, Task task,
                const data::Info& info) {
  const Json architecture{{"layers", parse_json(describe(model.network()), "model")},
                          {"input", input.shape.to_vector()},
                          {"input_dtype", std::string(name_of(input.dtype))},
                          {"task", std::string(name_of(task))}};
  io::ModelFile file{.architecture = json_text(architecture, "save_model"),
                     .preprocessing = info.preprocessing,
                     .class_names = info.class_names,
                     .extra = {{"dataset", as_utf8(info.name)}}};
  for (const nn::NamedVariable& v : model.state()) file.weights.push_back({v.name, v.value()});
  io::save_model_file(path, file);
}

SavedModel load_model(const std::filesystem::path& path) {
  const io::ModelFile file = io::load_model_file(path);
  const std::string source = path.string() + ": architecture";
  const Json json = parse_json(file.architecture, source);
  const JsonView architecture(json, source, kHint);
  Json list = architecture.at("layers").json();
  use_present_names(list);
  const std::string layers = json_text(list, source);
  // What is wrong with the file is no wrong usage, whatever its kind.
  try {
    SavedModel saved{.model = Model(build(layers)),
                     .layers = layers,
                     .input = input_of(architecture),
                     .task = task_of(architecture),
                     .info = {},
                     .warnings = not_finite_in(file.weights)};
    saved.info.class_names = file.class_names;
    saved.info.preprocessing = file.preprocessing;
    if (const auto name = file.extra.find("dataset"); name != file.extra.end()) {
      saved.info.name = name->second;
    }
    nn::StateMap values;
    for (const io::NamedTensor& t : file.weights) values.emplace(t.name, t.tensor);
    saved.model.load_state(values);
    expect_complete(saved, values);
    return saved;
  } catch (const IoError&) {
    throw;
  } catch (const OutOfMemoryError&) {
    throw;
  } catch (const Error& e) {
    throw IoError(path.string() + ": " + e.what());
  }
}

std::vector<std::string> not_finite_in(const io::NamedTensors& weights) {
  Tensors values;
  std::vector<const std::string*> names;
  for (const io::NamedTensor& t : weights) {
    if (!is_floating(t.tensor.dtype())) continue;
    values.push_back(t.tensor);
    names.push_back(&t.name);
  }
  if (values.empty()) return {};
  const auto place = first_non_finite(values).item<std::int64_t>();
  if (place < 0) return {};
  return {
      fmt::format("the weight \"{}\" holds NaN or infinity: what the model gives means nothing; "
                  "was its training diverging?",
                  *names[static_cast<std::size_t>(place)])};
}

bool gives_probabilities(nn::Layer& network) {
  nn::Layer* last = &network;
  while (auto* list = last->get_if<nn::Sequential>()) {
    if (list->size() == 0) return false;
    last = &(*list)[list->size() - 1];
  }
  if (auto* dense = last->get_if<nn::Dense>()) {
    return dense->options().activation.name() == "softmax";
  }
  if (auto* activation = last->get_if<nn::ActivationLayer>()) {
    return activation->function().name() == "softmax";
  }
  return false;
}

}  // namespace zoo

void Model::save(const std::filesystem::path& path) {
  const std::string loss = impl_->heads.empty() ? "" : impl_->heads[0].loss.name();
  const bool classes = loss.find("categorical") != std::string::npos || loss == "nll";
  zoo::save_model(path, *this, impl_->sample,
                  classes ? zoo::Task::classification : zoo::Task::regression, impl_->info);
}

Model Model::load(const std::filesystem::path& path) {
  zoo::SavedModel saved = zoo::load_model(path);
  for (const std::string& warning : saved.warnings) {
    write_error(fmt::format("{}: warning: {}\n", printable(path.string()), printable(warning)));
  }
  return std::move(saved.model);
}

}  // namespace nacre
