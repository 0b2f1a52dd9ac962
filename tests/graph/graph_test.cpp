#include "nacre/graph/graph.h"

#include <gtest/gtest.h>

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

Graph small_graph() {
  Graph graph;
  const Spec spec{f32, {2, 3}};
  const Attrs attrs{{"dtype", f32}, {"shape", std::vector<std::int64_t>{2, 3}}};
  const ValueId x = graph.output(graph.add(Op::input, attrs, {}, {&spec, 1}));
  graph.add_argument(x);
  const ValueId both[] = {x, x};
  const ValueId y =
      graph.output(graph.add(Op::add, {}, both, {&spec, 1}, {"mlp", Location("a/b.cpp", 7)}));
  graph.set_results({y});
  return graph;
}

TEST(Graph, TextNamesEverything) {
  EXPECT_EQ(to_text(small_graph()),
            "%0 = input{dtype=f32, shape=[2,3]}() -> f32[2,3]\n"
            "%1 = add(%0 f32[2,3], %0 f32[2,3]) -> f32[2,3]  # mlp b.cpp:7\n"
            "return %1 f32[2,3]\n");
}

TEST(Graph, DotHasNodesAndEdges) {
  const std::string dot = to_dot(small_graph());
  EXPECT_NE(dot.find("n1 [label=\"add\\nf32[2,3]\"]"), dot.npos) << dot;
  EXPECT_NE(dot.find("n0 -> n1"), dot.npos) << dot;
}

TEST(Graph, VerifierFindsWrongSpecs) {
  Graph graph = small_graph();
  EXPECT_NO_THROW(verify(graph, "test"));
  const Spec wrong{f32, {3, 2}};
  const ValueId in[] = {0};
  graph.add(Op::neg, {}, in, {&wrong, 1});
  EXPECT_THROW(verify(graph, "test"), InternalError);
}

TEST(Graph, InputsMustExist) {
  Graph graph;
  const Spec spec{f32, {}};
  const ValueId in[] = {3};
  EXPECT_THROW(graph.add(Op::neg, {}, in, {&spec, 1}), InternalError);
}

TEST(Attrs, EqualityHashAndText) {
  const Attrs a{{"axis", 1}, {"keep_dims", true}, {"scale", 0.5}};
  const Attrs b{{"axis", 1}, {"keep_dims", true}, {"scale", 0.5}};
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.hash(), b.hash());
  EXPECT_FALSE(a == a.with("axis", 2));
  EXPECT_EQ(to_string(a), "{axis=1, keep_dims=true, scale=0.5}");
  EXPECT_EQ(a.number("axis"), 1.0);
  EXPECT_EQ(a.integer_or("missing", 7), 7);
  EXPECT_THROW(static_cast<void>(a.flag("axis")), InternalError);
  EXPECT_THROW(static_cast<void>(a.integer("missing")), InternalError);
}

}  // namespace
}  // namespace nacre
