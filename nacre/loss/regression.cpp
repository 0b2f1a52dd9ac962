// Losses on numbers, margins and distances.
#include <fmt/format.h>

#include <cmath>

#include "nacre/loss/loss.h"
#include "nacre/loss/targets.h"
#include "nacre/ops/api.h"

namespace nacre::loss {
namespace {

// The mean over the last axis: one value a sample. A batch of plain numbers stays as it is.
Tensor last_mean(const Tensor& x) { return x.rank() < 2 ? x : mean(x, {-1}); }

// Targets 0 and 1 become -1 and 1; others than those and -1 are a ValueError.
Tensor signs(const char* who, const Operand& prediction, const Tensor& target) {
  const Tensor t = expect_elements(
      {like_prediction(who, prediction, target), prediction.at()},
      {.who = who, .what = "-1, 0 or 1", .hint = {}, .low = -1, .high = 1, .whole = true});
  return where(equal(t, 0), -1, t);
}

// Euclidean length along the last axis, at least 1e-6; where it is less there is no slope.
Tensor length(const Tensor& x, bool keep_dims) {
  return maximum(reduce_norm(x, {-1}, keep_dims), 1e-6);
}

// x / |x| along the last axis; zero stays zero.
Tensor unit(const Tensor& x) { return x / length(x, true); }

}  // namespace

Loss mse() {
  return {"mse", [](const Operand& p, const Tensor& t) {
            const Tensor target = like_prediction("mse", p, t);
            return last_mean(square(sub(p, Operand(target, p.at()))));
          }};
}

Loss mae() {
  return {"mae", [](const Operand& p, const Tensor& t) {
            const Tensor target = like_prediction("mae", p, t);
            return last_mean(abs(sub(p, Operand(target, p.at()))));
          }};
}

Loss huber(double delta) {
  if (!(delta > 0)) throw ValueError(fmt::format("huber: delta {} is not above 0", delta));
  return {"huber", [delta](const Operand& p, const Tensor& t) {
            // e^2 / 2 within delta, delta (|e| - delta / 2) beyond: one product of smooth parts, so
            // that the second derivative at 0 is 1.
            const Tensor e = sub(p, like_prediction("huber", p, t));
            const Tensor inner = clamp(e, -delta, delta);
            return last_mean(inner * (e - 0.5 * inner));
          }};
}

Loss log_cosh() {
  return {"log_cosh", [](const Operand& p, const Tensor& t) {
            const Tensor e = sub(p, like_prediction("log_cosh", p, t));
            // Near 0 the second form would be a difference of numbers near log 2.
            const Tensor inner = clamp(e, -1, 1);
            const Tensor near = 0.5 * log1p(square(sinh(inner)));
            const Tensor size = abs(e);
            const Tensor far = size + softplus(-2 * size) - std::log(2.0);
            return last_mean(where(less_equal(abs(e), 1), near, far));
          }};
}

Loss kl_divergence() {
  return {"kl_divergence", [](const Operand& p, const Tensor& t) {
            const Tensor target = maximum(probabilities_like("kl_divergence", p, t), 1e-7);
            const Tensor q = maximum(p, 1e-7);
            return sum(target * log(target / q), {-1});
          }};
}

Loss hinge() {
  return {"hinge", [](const Operand& p, const Tensor& t) {
            const Tensor target = signs("hinge", p, t);
            return last_mean(relu(1 - target * p.tensor()));
          }};
}

Loss squared_hinge() {
  return {"squared_hinge", [](const Operand& p, const Tensor& t) {
            const Tensor target = signs("squared_hinge", p, t);
            return last_mean(square(relu(1 - target * p.tensor())));
          }};
}

Loss categorical_hinge() {
  return {"categorical_hinge", [](const Operand& p, const Tensor& t) {
            const Tensor target = probabilities_like("categorical_hinge", p, t);
            const Tensor right = sum(target * p.tensor(), {-1});
            const Tensor wrong = max((1 - target) * p.tensor(), {-1});
            return relu(wrong - right + 1);
          }};
}

Loss cosine_similarity() {
  return {"cosine_similarity", [](const Operand& p, const Tensor& t) {
            const Tensor target = like_prediction("cosine_similarity", p, t);
            return -sum(unit(p.tensor()) * unit(target), {-1});
          }};
}

Loss contrastive(double margin) {
  return {"contrastive", [margin](const Operand& p, const Tensor& t) {
            const Tensor target = probabilities_like("contrastive", p, t);
            const Tensor d = p.tensor();
            return last_mean(target * square(d) + (1 - target) * square(relu(margin - d)));
          }};
}

Loss triplet(double margin) {
  return {"triplet", [margin](const Operand& p, const Tensor&) {
            const Tensor x = p.tensor();
            if (x.rank() != 3 || x.size(1) != 3) {
              throw ShapeError(format_error({.op = "triplet",
                                             .what = "predictions must be [batch, 3, features]: "
                                                     "anchor, positive, negative",
                                             .inputs = "prediction " + to_string(x.spec()),
                                             .location = p.at()}));
            }
            // Rows of signs take the differences: anchor - positive, anchor - negative.
            const Tensor differences = matmul(tensor({{1, -1, 0}, {1, 0, -1}}, x.dtype()), x);
            const Tensor distances = length(differences, false);
            const Tensor gap = matmul(distances, tensor({{1}, {-1}}, x.dtype()));
            return relu(squeeze(gap, {-1}) + margin);
          }};
}

}  // namespace nacre::loss
