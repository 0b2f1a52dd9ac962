// Pooling layers. Images are [batch, channels, spatial...] with one to three spatial axes.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"
#include "nacre/ops/image/pool.h"

namespace nacre::nn {

struct PoolOptions {
  PerAxis kernel_size = 2;
  PerAxis stride = {};  // empty: the kernel
  Padding padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = false;  // average pools only: maximum pools throw ValueError

  template <class V>
  void each(V&& v) {
    v(Field{.name = "kernel_size", .least = 1}, kernel_size);
    v(Field{.name = "stride", .least = 1}, stride);
    v(Field{.name = "padding"}, padding);
    v(Field{.name = "ceil_mode"}, ceil_mode);
    v(Field{.name = "count_include_pad"}, count_include_pad);
  }
};

// A pool of `axes` spatial axes; `maximum` or mean.
class PoolLayer : public LayerBase {
 public:
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const PoolOptions& options() const { return options_; }

 protected:
  PoolLayer(std::string kind, int axes, bool maximum, PoolOptions options);

 private:
  int axes_;
  bool maximum_;
  PoolOptions options_;
};

// MaxPool2d(2), MaxPool2d(3, 2) with a stride, MaxPool2d({.kernel_size = {2, 3}}).
struct MaxPool1d : PoolLayer {
  MaxPool1d() : MaxPool1d(PoolOptions{}) {}
  explicit MaxPool1d(First kernel_size)
      : MaxPool1d(PoolOptions{.kernel_size = kernel_size.value}) {}
  MaxPool1d(First kernel_size, std::int64_t stride)
      : MaxPool1d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit MaxPool1d(PoolOptions o) : PoolLayer("MaxPool1d", 1, true, std::move(o)) {}
};
struct MaxPool2d : PoolLayer {
  MaxPool2d() : MaxPool2d(PoolOptions{}) {}
  explicit MaxPool2d(First kernel_size)
      : MaxPool2d(PoolOptions{.kernel_size = kernel_size.value}) {}
  MaxPool2d(First kernel_size, std::int64_t stride)
      : MaxPool2d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit MaxPool2d(PoolOptions o) : PoolLayer("MaxPool2d", 2, true, std::move(o)) {}
};
struct MaxPool3d : PoolLayer {
  MaxPool3d() : MaxPool3d(PoolOptions{}) {}
  explicit MaxPool3d(First kernel_size)
      : MaxPool3d(PoolOptions{.kernel_size = kernel_size.value}) {}
  MaxPool3d(First kernel_size, std::int64_t stride)
      : MaxPool3d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit MaxPool3d(PoolOptions o) : PoolLayer("MaxPool3d", 3, true, std::move(o)) {}
};
struct AvgPool1d : PoolLayer {
  AvgPool1d() : AvgPool1d(PoolOptions{}) {}
  explicit AvgPool1d(First kernel_size)
      : AvgPool1d(PoolOptions{.kernel_size = kernel_size.value}) {}
  AvgPool1d(First kernel_size, std::int64_t stride)
      : AvgPool1d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit AvgPool1d(PoolOptions o) : PoolLayer("AvgPool1d", 1, false, std::move(o)) {}
};
struct AvgPool2d : PoolLayer {
  AvgPool2d() : AvgPool2d(PoolOptions{}) {}
  explicit AvgPool2d(First kernel_size)
      : AvgPool2d(PoolOptions{.kernel_size = kernel_size.value}) {}
  AvgPool2d(First kernel_size, std::int64_t stride)
      : AvgPool2d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit AvgPool2d(PoolOptions o) : PoolLayer("AvgPool2d", 2, false, std::move(o)) {}
};
struct AvgPool3d : PoolLayer {
  AvgPool3d() : AvgPool3d(PoolOptions{}) {}
  explicit AvgPool3d(First kernel_size)
      : AvgPool3d(PoolOptions{.kernel_size = kernel_size.value}) {}
  AvgPool3d(First kernel_size, std::int64_t stride)
      : AvgPool3d(PoolOptions{.kernel_size = kernel_size.value, .stride = stride}) {}
  explicit AvgPool3d(PoolOptions o) : PoolLayer("AvgPool3d", 3, false, std::move(o)) {}
};

struct GlobalPoolOptions {
  bool keep_dims = false;  // keep the spatial axes as 1

  template <class V>
  void each(V&& v) {
    v(Field{.name = "keep_dims"}, keep_dims);
  }
};
// One value a channel: [batch, channels].
class GlobalAvgPool : public LayerBase {
 public:
  GlobalAvgPool() : GlobalAvgPool(GlobalPoolOptions{}) {}
  explicit GlobalAvgPool(GlobalPoolOptions o) : LayerBase("GlobalAvgPool"), options_(o) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const GlobalPoolOptions& options() const { return options_; }

 private:
  GlobalPoolOptions options_;
};
class GlobalMaxPool : public LayerBase {
 public:
  GlobalMaxPool() : GlobalMaxPool(GlobalPoolOptions{}) {}
  explicit GlobalMaxPool(GlobalPoolOptions o) : LayerBase("GlobalMaxPool"), options_(o) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const GlobalPoolOptions& options() const { return options_; }

 private:
  GlobalPoolOptions options_;
};

struct AdaptivePoolOptions {
  PerAxis output = 1;  // the spatial size of the result

  template <class V>
  void each(V&& v) {
    v(Field{.name = "output", .least = 1}, output);
  }
};
class AdaptiveAvgPool : public LayerBase {
 public:
  explicit AdaptiveAvgPool(First output)
      : AdaptiveAvgPool(AdaptivePoolOptions{.output = output.value}) {}
  explicit AdaptiveAvgPool(AdaptivePoolOptions o)
      : LayerBase("AdaptiveAvgPool"), options_(std::move(o)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const AdaptivePoolOptions& options() const { return options_; }

 private:
  AdaptivePoolOptions options_;
};
class AdaptiveMaxPool : public LayerBase {
 public:
  explicit AdaptiveMaxPool(First output)
      : AdaptiveMaxPool(AdaptivePoolOptions{.output = output.value}) {}
  explicit AdaptiveMaxPool(AdaptivePoolOptions o)
      : LayerBase("AdaptiveMaxPool"), options_(std::move(o)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const AdaptivePoolOptions& options() const { return options_; }

 private:
  AdaptivePoolOptions options_;
};

}  // namespace nacre::nn
