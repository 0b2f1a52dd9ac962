// Layer: what the library's layers share, and a box for any module or function.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "nacre/base/callable.h"
#include "nacre/base/layer_scope.h"
#include "nacre/nn/initializer.h"
#include "nacre/nn/module.h"
#include "nacre/run/generator.h"
#include "nacre/run/setting.h"

namespace nacre::nn {

// The base of all layers of the library: it knows the layer's path in the model ("mlp/dense_1").
class LayerBase {
 public:
  explicit LayerBase(std::string kind) : kind_(std::move(kind)), seed_(next_initial_seed()) {}

  // "Dense", "Conv2d": as in summary().
  const std::string& kind() const { return kind_; }
  // The name among its siblings; set when a model or a list of parameters is made.
  const std::string& scope() const { return scope_; }
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  // Part of what a trace depends on: that this layer, as it is, stands where it stands.
  const Setting& setting() const { return setting_; }

 protected:
  // Invalidates the plans that were traced through this layer.
  void changed() { setting_.renew(); }
  // Values of `given`, or of `fallback` where none was given, drawn with the layer's seed plus
  // `salt`: what a layer begins with depends on the order in which layers were made, not called.
  Tensor initial(const Initializer& given, const Initializer& fallback, const Shape& shape,
                 DType dtype, const Fans& fans, std::uint64_t salt = 0) const {
    return (given ? given : fallback)(shape, fans, dtype, seed_ + salt);
  }
  std::uint64_t seed() const { return seed_; }

 private:
  std::string kind_;
  std::string scope_;
  std::uint64_t seed_;
  Setting setting_;
};

// What a LayerObserver is told of each call of a layer while it lives (summary() uses one).
struct LayerEvent {
  std::string path;
  std::string kind;
  Spec output;
};
class LayerObserver {
 public:
  LayerObserver();
  ~LayerObserver();
  LayerObserver(const LayerObserver&) = delete;
  LayerObserver& operator=(const LayerObserver&) = delete;
  std::vector<LayerEvent> events;

 private:
  LayerObserver* previous_;
};

// One call of a layer: errors and graph nodes made while it lives carry the layer's path.
class LayerCall {
 public:
  explicit LayerCall(const LayerBase& layer);
  LayerCall(const LayerCall&) = delete;
  LayerCall& operator=(const LayerCall&) = delete;
  // Reports the result and returns it.
  Tensor done(Tensor output) const;

  // Throw ShapeError / ValueError in the one format, naming layer and line.
  [[noreturn]] void fail_shape(const Operand& x, std::string_view what,
                               std::string_view hint = {}) const;
  [[noreturn]] void fail_value(const Location& at, std::string_view what,
                               std::string_view hint = {}) const;

 private:
  const LayerBase& layer_;
  std::optional<LayerScope> scope_;  // none for the outermost container
};

// Gives a parameter its first value and the name "<layer path>.<name>". It keeps its cell, and
// stays frozen when it was frozen before.
void define_variable(Variable& variable, Tensor value, std::string_view name,
                     bool trainable = true);
// x for layers that compute with weights: whole numbers and bool become f32, as in Keras.
Operand in_floats(const Operand& x);

// Whether a module gives an R for one of the lists of inputs that a Layer knows.
template <class R, class M>
concept LayerGiving = std::is_invocable_r_v<R, M&, const Operand&> ||
    std::is_invocable_r_v<R, M&, const Tensor&> || std::is_invocable_r_v<R, M&, const Tensors&> ||
    std::is_invocable_r_v<R, M&, const Tensor&, const Tensor&>;

// Any module, layer or function from a tensor (or several) to a tensor (or several), held by value:
// a copy copies the parameters. Throws ValueError for an empty std::function.
class Layer {
 public:
  template <class M>
  requires(!std::is_same_v<std::decay_t<M>, Layer> &&
           (LayerGiving<Tensor, std::decay_t<M>> || LayerGiving<Tensors, std::decay_t<M>>))
      Layer(M&& module)  // NOLINT: implicit, so that lists of layers read well
      : box_(std::make_unique<Box<std::decay_t<M>>>(std::forward<M>(module))) {}
  Layer(const Layer& other) : box_(other.box_->clone()) {}
  Layer(Layer&&) noexcept = default;
  Layer& operator=(const Layer& other) {
    box_ = other.box_->clone();
    return *this;
  }
  Layer& operator=(Layer&&) noexcept = default;

  Tensor operator()(const Operand& x) {
    const Tensor input = x.tensor();
    return only(box_->call({&input, 1}, x.at()), x.at());
  }
  // A module of several inputs. Throws ValueError when it gives several outputs.
  Tensor operator()(const Tensors& inputs, Location at = std::source_location::current()) {
    return only(box_->call(inputs, at), at);
  }
  // All that it gives: of a module of several outputs each, in order.
  Tensors outputs(const Tensors& inputs, Location at = std::source_location::current()) {
    return box_->call(inputs, at);
  }

  void visit(ModuleVisitor& visitor) { box_->visit(visitor); }
  LayerBase* base() { return box_->base(); }
  const std::string& kind() const { return box_->kind(); }
  // The module inside when it is an M, or null.
  template <class M>
  M* get_if() {
    auto* box = dynamic_cast<Box<M>*>(box_.get());
    return box ? &box->module : nullptr;
  }

 private:
  struct AnyBox {
    virtual ~AnyBox() = default;
    virtual std::unique_ptr<AnyBox> clone() const = 0;
    virtual Tensors call(std::span<const Tensor> inputs, const Location& at) = 0;
    virtual void visit(ModuleVisitor& visitor) = 0;
    virtual LayerBase* base() = 0;
    virtual const std::string& kind() const = 0;
  };
  Tensor only(Tensors outputs, const Location& at) const;
  [[noreturn]] static void fail_inputs(const std::string& kind, std::size_t expected,
                                       std::size_t given, const Location& at);
  static std::string kind_name(const char* type_name, bool is_module);

  template <class M>
  struct Box final : AnyBox {
    explicit Box(M m) : module(std::move(m)), own(kind_name(typeid(M).name(), VisitableModule<M>)) {
      require_callable(module, "layer");
    }
    std::unique_ptr<AnyBox> clone() const override { return std::make_unique<Box>(*this); }
    using Result = std::conditional_t<LayerGiving<Tensor, M>, Tensor, Tensors>;
    static Tensors listed(Tensor output) { return {std::move(output)}; }
    static Tensors listed(Tensors outputs) { return outputs; }

    Tensors call(std::span<const Tensor> inputs, const Location& at) override {
      if constexpr (std::is_base_of_v<LayerBase, M>) {
        return listed(invoke(inputs, at));
      } else {
        const LayerCall scope(own);
        Tensors outputs = listed(invoke(inputs, at));
        if (!outputs.empty()) scope.done(outputs[0]);
        return outputs;
      }
    }
    Result invoke(std::span<const Tensor> inputs, const Location& at) {
      if constexpr (std::is_invocable_r_v<Result, M&, const Operand&>) {
        if (inputs.size() != 1) fail_inputs(kind(), 1, inputs.size(), at);
        return module(Operand(inputs[0], at));
      } else if constexpr (std::is_invocable_r_v<Result, M&, const Tensor&>) {
        if (inputs.size() != 1) fail_inputs(kind(), 1, inputs.size(), at);
        return module(inputs[0]);
      } else if constexpr (std::is_invocable_r_v<Result, M&, const Tensor&, const Tensor&>) {
        if (inputs.size() != 2) fail_inputs(kind(), 2, inputs.size(), at);
        return module(inputs[0], inputs[1]);
      } else {
        return module(Tensors(inputs.begin(), inputs.end()));
      }
    }
    void visit([[maybe_unused]] ModuleVisitor& visitor) override {
      if constexpr (VisitableModule<M>) module.visit(visitor);
    }
    LayerBase* base() override {
      if constexpr (std::is_base_of_v<LayerBase, M>) {
        return &module;
      } else {
        return &own;
      }
    }
    const std::string& kind() const override {
      if constexpr (std::is_base_of_v<LayerBase, M>) {
        return module.kind();
      } else {
        return own.kind();
      }
    }
    M module;
    LayerBase own;
  };

  std::unique_ptr<AnyBox> box_;
};

}  // namespace nacre::nn
