#include "nacre/zoo/architecture.h"

#include <gtest/gtest.h>

#include <chrono>

#include "nacre/base/error.h"
#include "nacre/nn/summary.h"
#include "nacre/train/model.h"
#include "nacre/zoo/layer_spec.h"
#include "tests/support/files.h"

namespace nacre::zoo {
namespace {

using test::expect_error;

TEST(Architecture, NamesTheLayerThatIsWrong) {
  const auto make = [](const char* layers) { return [=] { build(layers); }; };
  expect_error<ValueError>(make("{}"), {"a list of tables"});
  expect_error<ValueError>(make("[]"), {"at least one"});
  expect_error<ValueError>(make("[1"), {"a list of tables"});
  expect_error<ValueError>(make("[3]"), {"layer 1", "must be a table"});
  expect_error<ValueError>(make(R"([{"units":3}])"), {"layer 1", "type"});
  expect_error<ValueError>(make(R"([{"type":"flatten"},{"type":"dens","units":3}])"),
                           {"layer 2", "did you mean \"dense\"", "conv2d"});
  expect_error<ValueError>(make(R"([{"type":"dense"}])"), {"layer 1 (dense)", "needs \"units\""});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"activaton":"relu"}])"),
                           {"activaton", "did you mean \"activation\""});
  expect_error<ValueError>(make(R"([{"type":"dense","units":"3"}])"), {"whole number"});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"activation":"rleu"}])"),
                           {"layer 1 (dense)", "relu"});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"use_bias":1}])"), {"true or false"});
  expect_error<ValueError>(make(R"([{"type":"conv2d","filters":3,"padding":"full"}])"),
                           {"padding", "same"});
}

// The list of JSON of one layer, in so many lists of layers.
std::string nested(int lists) {
  std::string out, end;
  for (int i = 1; i < lists; ++i) {
    out += R"([{"type":"sequential","layers":)";
    end += "}]";
  }
  return out + R"([{"type":"dense","units":2}])" + end;
}

TEST(Architecture, BoundsNestingTheSameForReadersAndWriters) {
  nn::Sequential deepest = build(nested(kMostNesting));
  EXPECT_EQ(deepest(zeros({1, 3})).shape(), (Shape{1, 2}));
  nn::Layer described(std::move(deepest));
  const std::string text = describe(described);
  nn::Sequential again = build(text);
  nn::Layer outer(nn::Sequential{std::move(again)});
  expect_error<ValueError>([&] { describe(outer); }, {"nested deeper than 32"});
  expect_error<ValueError>([] { build(nested(kMostNesting + 1)); }, {"nested deeper than 32"});
  expect_error<ValueError>([] { build(nested(100'000)); }, {"nested deeper"});
  expect_error<ValueError>([] { build(std::string(100'000, '[')); }, {"nested deeper"});
}

// Ten times the layers take about ten times as long: the least of some runs decides.
TEST(Architecture, BuildsManyLayersInLinearTime) {
  const auto seconds = [](int n) {
    std::string layers = R"([{"type":"flatten"})";
    for (int i = 1; i < n; ++i) layers += R"(,{"type":"flatten"})";
    layers += "]";
    double least = 1e9;
    for (int run = 0; run < 3; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_EQ(build(layers).size(), static_cast<std::size_t>(n));
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
      least = std::min(least, spent.count());
    }
    return least;
  };
  EXPECT_LT(seconds(5000), 10 * 5 * seconds(500));  // a quadratic way takes 100 times as long
}

TEST(Architecture, TakesNoNumberForAnother) {
  const auto make = [](const std::string& keys) { return [=] { build("[{" + keys + "}]"); }; };
  const struct {
    const char* keys;
    const char* part;
  } cases[] = {
      {R"("type":"dense","units":4294967298)", "\"units\" must be a whole number in 1..2147483647"},
      {R"("type":"dense","units":18446744073709551615)", "\"units\""},
      {R"("type":"dense","units":9223372036854775808)", "9223372036854775808"},
      {R"("type":"dense","units":1e30)", "\"units\""},
      {R"("type":"dense","units":-3)", "-3"},
      {R"("type":"dense","units":0)", "\"units\""},
      {R"("type":"conv2d","filters":3,"kernel_size":[3,-1])", "\"kernel_size\""},
      {R"("type":"conv2d","filters":3,"stride":0)", "\"stride\""},
      {R"("type":"conv2d","filters":3,"padding":-1)", "\"padding\""},
      {R"("type":"conv2d","filters":3,"padding":[[1,4294967297],[0,0]])", "\"padding\""},
      {R"("type":"conv2d","filters":3,"groups":4294967297)", "\"groups\""},
      {R"("type":"layer_norm","axes":4294967297)", "\"axes\""},
      {R"("type":"flatten","start":4294967297)", "\"start\""},
      {R"("type":"permute","axes":[2,4294967297])", "\"axes\""},
      {R"("type":"reshape","shape":[-2])", "\"shape\""},
      {R"("type":"embedding","inputs":9,"units":3,"padding_index":-1)", "padding_index"},
      {R"("type":"dropout","rate":2)", "layer 1 (dropout)"}};
  for (const auto& c : cases) expect_error<ValueError>(make(c.keys), {"layer 1 (", c.part});
}

// Lists that use every type of layer between them, with an input and the output's shape.
struct Listed {
  const char* layers;
  Spec input;
  Shape output;
};
const Listed kLists[] = {
    {R"([{"type":"conv2d","filters":4,"kernel_size":[3,5],"stride":[2,1],"padding":[1,2],
          "dilation":1,"groups":2,"weight_initializer":"he_normal"},
         {"type":"prelu","initial":0.1}, {"type":"group_norm","groups":2},
         {"type":"depthwise_conv2d","depth_multiplier":2,"padding":"same"},
         {"type":"conv_transpose2d","filters":3,"stride":2},
         {"type":"avg_pool2d","kernel_size":3,"stride":1,"padding":[[1,1],[2,0]]},
         {"type":"max_pool2d","kernel_size":1},
         {"type":"spatial_dropout","rate":0.1}])",
     {f32, {2, 2, 8, 8}},
     {2, 3, 9, 17}},
    {R"([{"type":"conv1d","filters":4,"activation":"gelu","name":"first"},
         {"type":"batch_norm","momentum":0.9},
         {"type":"max_pool1d"},{"type":"depthwise_conv1d"},
         {"type":"conv_transpose1d","filters":2},{"type":"avg_pool1d"},
         {"type":"adaptive_max_pool","output":2},{"type":"reshape","shape":[-1]},
         {"type":"sequential","layers":[{"type":"layer_norm"},{"type":"rms_norm"}]}])",
     {f32, {2, 3, 12}},
     {2, 4}},
    {R"([{"type":"conv3d","filters":4,"padding":1},{"type":"max_pool3d"},
         {"type":"depthwise_conv3d","padding":"same"},
         {"type":"conv_transpose3d","filters":2},{"type":"avg_pool3d"},
         {"type":"adaptive_avg_pool","output":[1,1,2]},{"type":"global_max_pool","keep_dims":true},
         {"type":"flatten"},{"type":"dropout","rate":0.2},
         {"type":"activation","activation":"silu"}])",
     {f32, {2, 3, 6, 6, 6}},
     {2, 2}},
    {R"([{"type":"embedding","inputs":9,"units":3,"padding_index":0},
         {"type":"gru","units":4,"bidirectional":true,"return_sequences":true},
         {"type":"lstm","units":3,"layers":2,"return_sequences":true},
         {"type":"simple_rnn","units":3,"reverse":true,"return_sequences":true},
         {"type":"permute","axes":[2,1]},{"type":"dense","units":2,"use_bias":false},
         {"type":"rescaling","scale":2,"offset":1},{"type":"reshape","shape":[2,3]},
         {"type":"global_avg_pool"}])",
     {i64, {2, 5}},
     {2, 2}},
    {R"([{"type":"embedding","inputs":9,"units":8},{"type":"position_embedding","length":6},
         {"type":"multi_head_attention","heads":2,"kv_heads":1,"causal":true,"window":3,
          "rotary":true},
         {"type":"transformer_block","units":8,"heads":4,"causal":true,"activation":"silu",
          "gated":true,"rms_norm":true,"norm_first":false},
         {"type":"dense","units":9}])",
     {i64, {2, 5}},
     {2, 5, 9}},
};

TEST(Architecture, BuildsEveryLayer) {
  std::string all;
  for (const Listed& l : kLists) {
    EXPECT_EQ(build(l.layers)(zeros(l.input.shape, l.input.dtype)).shape(), l.output) << l.layers;
    all += l.layers;
  }
  for (const LayerRow& row : layer_rows()) {
    EXPECT_NE((all + R"("type":"dense")").find("\"" + row.type + "\""), std::string::npos)
        << row.type;
  }
  const auto make = [](const char* layers) { return [=] { build(layers); }; };
  expect_error<ValueError>(make(R"([{"type":"conv2d","filters":3,"kernel_size":[]}])"),
                           {"layer 1 (conv2d)", "kernel_size", "list of whole numbers"});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"weight_initializer":"he"}])"),
                           {"layer 1 (dense)", "he_normal"});
  expect_error<ValueError>(make(R"([{"type":"reshape"}])"), {"needs \"shape\""});
  expect_error<ValueError>(make(R"([{"type":"max_pool2d","padding":[[1]]}])"), {"[low, high]"});
}

TEST(Architecture, DescriptionsBuildTheSameNetwork) {
  for (const Listed& l : kLists) {
    Model first(build(l.layers));
    const Tensor x = l.input.dtype == i64 ? randint(0, 9, l.input.shape) : randn(l.input.shape);
    const Tensor y = first.predict(x);
    const std::string text = describe(first.network());
    Model second(build(text));
    second.load_state(nn::values_of(first.state()));
    EXPECT_EQ(second.predict(x).to_vector<float>(), y.to_vector<float>()) << text;
    EXPECT_EQ(describe(second.network()), text);
  }
}

TEST(Architecture, SaysWhatCannotBeDescribed) {
  const auto text_of = [](nn::Layer network) { return [network]() mutable { describe(network); }; };
  expect_error<ValueError>(
      text_of(nn::Sequential{nn::Dense{{.units = 2}},
                             {"twice", [](const Tensor& x) { return x * 2; }}}),
      {"layer \"twice\"", "load_weights"});
  expect_error<ValueError>(text_of(nn::Sequential{nn::Sequential{nn::Dense{
                               {.units = 2, .activation = nn::Activation(leaky_relu, 0.3)}}}}),
                           {"layer \"0/0\"", "activation of the program's own"});
}

TEST(Architecture, BuildsEveryNamedModel) {
  const Spec picture{f32, {3, 32, 32}};
  for (const ModelDescription& m : models()) {
    if (m.name == "text" || m.name == "gpt" || m.name == "lstm-lm") continue;
    Model model(build(layers_of(m.name, picture, 7)));
    const nn::Summary summary = model.summary(Spec{f32, {2, 3, 32, 32}});
    EXPECT_EQ(summary.rows.back().output.shape, (Shape{2, 7})) << m.name;
    EXPECT_GT(summary.parameters, 0) << m.name;
  }
  Model text(build(layers_of("text", {i64, {20}}, 3, 100)));
  EXPECT_EQ(text.summary(Spec{i64, {2, 20}}).parameters, 100 * 64 + 64 * (64 * 5 + 1) + 3 * 65);
  const ModelNeeds language{
      .input = {i64, {16}}, .outputs = 50, .vocabulary = 50, .task = Task::language};
  for (const char* name : {"gpt", "lstm-lm"}) {
    Model model(build(layers_of(name, language)));
    EXPECT_EQ(model.summary(Spec{i64, {2, 16}}).rows.back().output.shape, (Shape{2, 16, 50}));
  }
  // GPT-2's count for 3 blocks of width 64: embeddings, 12 w^2 + 13 w a block, the last norm, and a
  // head of its own.
  ModelNeeds small = language;
  small.blocks = 3;
  small.width = 64;
  EXPECT_EQ(Model(build(layers_of("gpt", small))).summary(Spec{i64, {1, 16}}).parameters,
            50 * 64 + 16 * 64 + 3 * (12 * 64 * 64 + 13 * 64) + 2 * 64 + 50 * 65);
  expect_error<ValueError>([&] { layers_of("cnn", small); }, {"not for models of language"});
  expect_error<ValueError>([] { layers_of("gpt", {i64, {9}}, 2, 30); }, {"data.task"});
  // Weights and biases of two convolutions and a dense layer on 6 x 6 x 64.
  Model cnn(build(layers_of("cnn", picture, 10)));
  EXPECT_EQ(cnn.summary(Spec{f32, {1, 3, 32, 32}}).parameters,
            32 * (3 * 9 + 1) + 64 * (32 * 9 + 1) + 10 * (64 * 6 * 6 + 1));
}

TEST(Architecture, ChoosesByTheInput) {
  EXPECT_EQ(layers_of("auto", {f32, {1, 28, 28}}, 10), layers_of("cnn", {f32, {1, 28, 28}}, 10));
  EXPECT_EQ(layers_of("auto", {f32, {1, 8, 8}}, 10), layers_of("mlp", {f32, {1, 8, 8}}, 10));
  EXPECT_EQ(layers_of("auto", {i64, {9}}, 2, 30), layers_of("text", {i64, {9}}, 2, 30));
  expect_error<ValueError>([] { layers_of("text", {f32, {9}}, 2); }, {"text", "tokens"});
  expect_error<ValueError>([] { layers_of("mlp", {i64, {9}}, 2, 30); }, {"mlp", "values"});
  expect_error<ValueError>([] { layers_of("text", {i64, {3}}, 2, 30); }, {"at least 5 tokens"});
  EXPECT_EQ(layers_of("linear", {f32, {4}}, 3), R"([{"type":"dense","units":3}])");
  expect_error<ValueError>([] { layers_of("cnn", {f32, {1, 8, 8}}, 10); }, {"cnn", "12 x 12"});
  expect_error<ValueError>([] { layers_of("cnn-bn", {f32, {4}}, 10); }, {"cnn-bn", "24 x 24"});
  expect_error<ValueError>([] { layers_of("mpl", {f32, {4}}, 10); }, {"mpl", "\"mlp\"", "linear"});
}

}  // namespace
}  // namespace nacre::zoo
