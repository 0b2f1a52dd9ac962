#include "tests/oracle/oracle.h"

namespace nacre::oracle {
namespace {

std::int64_t whole(const Args& a, const char* key, std::int64_t fallback) {
  return a.value(key, fallback);
}
PerAxis per_axis(const Args& a, const char* key) {
  return a.at(key).get<std::vector<std::int64_t>>();
}
PoolOptions pool_options(const Args& a) {
  return {.kernel_size = whole(a, "kernel", 2),
          .stride = whole(a, "stride", 2),
          .padding = whole(a, "padding", 0),
          .count_include_pad = a.value("count_include_pad", false)};
}
Function resized(ResizeMode mode) {
  return [mode](const Tensors& x, const Args& a) {
    return resize(x[0], per_axis(a, "size"),
                  {.mode = mode, .align_corners = a.value("align_corners", false)});
  };
}

}  // namespace

void add_layers_and_algebra(Functions& f) {
  f["conv"] = [](const Tensors& x, const Args& a) {
    return conv(x[0], x[1],
                {.stride = whole(a, "stride", 1),
                 .padding = whole(a, "padding", 0),
                 .dilation = whole(a, "dilation", 1),
                 .groups = whole(a, "groups", 1)});
  };
  f["conv_transpose"] = [](const Tensors& x, const Args& a) {
    return conv_transpose(x[0], x[1],
                          {.stride = whole(a, "stride", 1),
                           .padding = whole(a, "padding", 0),
                           .output_padding = whole(a, "output_padding", 0)});
  };
  f["max_pool"] = [](const Tensors& x, const Args& a) { return max_pool(x[0], pool_options(a)); };
  f["avg_pool"] = [](const Tensors& x, const Args& a) { return avg_pool(x[0], pool_options(a)); };
  f["adaptive_avg_pool"] = [](const Tensors& x, const Args& a) {
    return adaptive_avg_pool(x[0], per_axis(a, "output"));
  };
  f["resize_nearest"] = resized(ResizeMode::nearest);
  f["resize_bilinear"] = resized(ResizeMode::linear);
  f["resize_bicubic"] = resized(ResizeMode::cubic);
  f["grid_sample"] = [](const Tensors& x, const Args&) { return grid_sample(x[0], x[1]); };
  f["pixel_shuffle"] = [](const Tensors& x, const Args& a) {
    return pixel_shuffle(x[0], whole(a, "factor", 2));
  };

  f["softmax_cross_entropy"] = [](const Tensors& x, const Args& a) {
    return softmax_cross_entropy(x[0], x[1], {.label_smoothing = a.value("label_smoothing", 0.0)});
  };
  f["binary_cross_entropy_with_logits"] = [](const Tensors& x, const Args&) {
    return binary_cross_entropy_with_logits(x[0], x[1]);
  };
  f["layer_norm"] = [](const Tensors& x, const Args&) { return layer_norm(x[0], x[1], x[2]); };
  f["group_norm"] = [](const Tensors& x, const Args& a) {
    return group_norm(x[0], whole(a, "groups", 1), x[1], x[2]);
  };
  f["batch_norm"] = [](const Tensors& x, const Args&) { return batch_norm(x[0], x[1], x[2]).y; };
  f["attention"] = [](const Tensors& x, const Args&) {
    return scaled_dot_product_attention(x[0], x[1], x[2]);
  };
  f["attention_causal"] = [](const Tensors& x, const Args&) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = true});
  };

  f["solve"] = [](const Tensors& x, const Args&) { return solve(x[0], x[1]); };
  f["cholesky"] = [](const Tensors& x, const Args&) { return cholesky(x[0]); };
  f["inverse"] = [](const Tensors& x, const Args&) { return inverse(x[0]); };
  f["det"] = [](const Tensors& x, const Args&) { return det(x[0]); };
  f["slogdet"] = [](const Tensors& x, const Args&) { return slogdet(x[0]).log; };
  f["singular_values"] = [](const Tensors& x, const Args&) { return svd(x[0]).s; };
  f["eigenvalues"] = [](const Tensors& x, const Args&) { return eigh(x[0]).values; };
  f["qr_product"] = [](const Tensors& x, const Args&) { return abs(qr(x[0]).r); };
  f["triangular_solve"] = [](const Tensors& x, const Args&) {
    return triangular_solve(x[0], x[1]);
  };
  f["rfft"] = [](const Tensors& x, const Args&) { return rfft(x[0]); };
  f["irfft"] = [](const Tensors& x, const Args& a) {
    return irfft(x[0], {.n = a.at("n").get<std::int64_t>()});
  };
  f["fft"] = [](const Tensors& x, const Args&) { return fft(x[0]); };
  f["ifft"] = [](const Tensors& x, const Args&) { return ifft(x[0]); };
}

}  // namespace nacre::oracle
