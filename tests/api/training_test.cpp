// Models, data, training; see one_liners.h.
#include "one_liners.h"
#include "tests/support/files.h"

using namespace nacre;

namespace {

Model regression() {
  Model model{nn::Sequential{nn::Dense(1)}};
  model.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});
  return model;
}

TEST(OneLiners, Compiling) {
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Tensor classes = tensor({0, 1, 1, 0}, i64);
  Model model{nn::Sequential{nn::Dense(8, "relu"), nn::Dense(2)}};
  model.compile({.optimizer = "adam", .loss = "mse"});
  model.compile({.optimizer = optim::Adam(1e-3), .loss = loss::mse(), .metrics = {"mae", "mse"}});
  model.compile({.optimizer = optim::SGD(0.1, 0.9), .loss = "huber"});
  model.compile("adam", "mse");
  model.compile("adam", "mse", {"mae"});
  model.compile(optim::SGD(0.1), "sparse_categorical_crossentropy", {"accuracy"});
  model.compile(optim::Adam(), loss::sparse_categorical_crossentropy({.from_logits = true}));
  IS(model.fit(x, classes, {.epochs = 2, .verbose = 0})["loss"].size(), 2);
}

TEST(OneLiners, Fitting) {
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Tensor y = tensor({{0}, {1}, {1}, {2}});
  Model model = regression();
  IS(model.fit(x, y, {.verbose = 0}).epochs.size(), 1);
  IS(model.fit(x, y, {.epochs = 2, .batch_size = 2, .verbose = 0})["mae"].size(), 2);
  IS(model.fit(x, y, {.validation_split = 0.25, .verbose = 0})["val_loss"].size(), 1);
  IS(model.fit(x, y, {.validation = {x, y}, .verbose = 0})["val_mae"].size(), 1);
  IS(model.fit({x}, {y}, {.shuffle = false, .verbose = 0}).epochs.size(), 1);
  IS(model
         .fit(std::vector<std::vector<float>>{{0, 1}, {1, 1}}, std::vector<float>{1, 2},
              {.verbose = 0})
         .epochs.size(),
     1);
  const auto set = data::Dataset::from(x, y);
  data::Loader loader(set, {.batch_size = 2, .shuffle = true});
  IS(model.fit(loader, {.epochs = 2, .verbose = 0}).epochs.size(), 2);
  IS(model.fit(set.batch({.batch_size = 2}), {.verbose = 0}).epochs.size(), 1);
  IS(model.fit(loader, {.validation_source = &loader, .verbose = 0})["val_loss"].size(), 1);
  IS(model.train_on_batch(x, y).has("loss"), 1);
  IS(model.train_on_batch(x, y)["mae"] > 0, 1);
  IS(model
         .fit(x, y,
              {.validation = {x, y}, .callbacks = {early_stopping({.patience = 1})}, .verbose = 0})
         .epochs.size(),
     1);
}

TEST(OneLiners, UsingModels) {
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Tensor y = tensor({{0}, {1}, {1}, {2}});
  Model model = regression();
  model.fit(x, y, {.verbose = 0});
  IS(model.predict(x).shape(), 4, 1);
  IS(model.predict(x, {.batch_size = 2}).shape(), 4, 1);
  IS(model.predict(std::vector<std::vector<float>>{{0, 1}}).shape(), 1, 1);
  IS(model(x).shape(), 4, 1);
  IS(model.evaluate(x, y)["loss"], mse_loss(model(x), y).item());
  IS(model.evaluate(x, y).has("mae"), 1);
  IS(model.get_weights().size(), 2);
  IS(model.get_weights()[0].shape(), 1, 2);
  model.set_weights({ones(1, 2), zeros(1)});
  IS(model.predict(x), 0, 1, 1, 2);
  IS(model.count_params(), 3);
  IS(model.summary().parameters, 3);
  IS(model.summary({f32, {1, 2}}).rows.size(), 1);
  IS(model.layers().size(), 1);
  IS(model.layer("0").kind() == "Dense", 1);
  IS(model.parameters().size(), 2);
  set_trainable(model, "0.*", false);
  IS(model.parameters().size(), 0);
  set_trainable(model, true);
  IS(grad([&] { return mean(model(x)); }, model)()[1], 1);
  test::TemporaryFolder folder;
  model.save(folder / "model.nacre");
  IS(Model::load(folder / "model.nacre").predict(x), 0, 1, 1, 2);
  model.save_weights(folder / "weights.safetensors");
  model.load_weights(folder / "weights.safetensors");
  IS(model.predict(x), 0, 1, 1, 2);
}

TEST(OneLiners, Data) {
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Tensor y = tensor({{0}, {1}, {1}, {2}});
  const auto set = data::Dataset::from(x, y);
  IS(set.size(), 4);
  IS(data::Dataset::from({x}, {y}).size(), 4);
  IS(data::Dataset::from(x).size(), 4);
  IS(data::Dataset::from(std::vector<float>{1, 2}, std::vector<int>{0, 1}).size(), 2);
  IS(set.get(1).x(), 0, 1);
  IS(set.get(3).y(), 2);
  IS(set.batch({.batch_size = 3}).batches(), 2);
  IS(set.take(2).all().y(), 0, 1);
  IS(set.normalize({1, 1}, {1, 1}).get(0).x(), -1, -1);
  IS(set.split(0.25).second.size(), 1);
  data::Loader loader(set, {.batch_size = 2});
  double total = 0;
  for (const data::Batch& batch : loader) total += batch.x().sum().item() + batch.y().sum().item();
  IS(total, 8);
  IS(data::load("digits").test.size(), 360);
}

}  // namespace
