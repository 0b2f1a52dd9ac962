#include "nacre/run/control.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/control/control.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/shape/concat.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/slice.h"
#include "nacre/run/trace_session.h"

namespace nacre::detail {
namespace {

// A body as it was traced. Its arguments will be what it captured, then its own; the Variables that
// it assigns stand among these and among its results.
struct TracedBody {
  Graph graph;  // without arguments yet
  Tensors captured;
  std::vector<ValueId> capture_ids;
  std::vector<ValueId> own_ids;
  std::vector<VariableRef> assigned;

  std::int64_t captures() const { return static_cast<std::int64_t>(captured.size()); }
  PayloadPtr finish() {
    for (const ValueId v : capture_ids) graph.add_argument(v);
    for (const ValueId v : own_ids) graph.add_argument(v);
    return std::make_shared<Subgraph>(std::move(graph));
  }
};

using BodyFunction = std::function<Tensors(const Tensors& arguments)>;

// One attempt. Variables in `carried` are arguments between the first `before` own ones and the
// others; their last values follow `results_before` results. Returns what else the body assigns.
std::vector<VariableRef> trace_once(const BodyFunction& f, const std::vector<Spec>& specs,
                                    std::size_t before, const std::vector<VariableRef>& carried,
                                    std::size_t results_before, TracedBody& out) {
  TraceSession session(TraceSession::Kind::body);
  const std::shared_ptr<Trace>& trace = session.trace();
  const auto symbol = [&](const Spec& spec) {
    return Tensor::traced(trace, append_input(trace->graph, spec));
  };
  Tensors own;
  Tensors variables;
  for (const Spec& spec : specs) own.push_back(symbol(spec));
  for (const VariableRef& cell : carried) {
    variables.push_back(symbol(cell->value.spec()));
    session.set(cell, variables.back());
  }
  std::vector<ValueId> results;
  for (const Tensor& t : f(own)) results.push_back(value_in(trace, t));
  std::vector<ValueId> last;
  for (const VariableRef& cell : carried) last.push_back(value_in(trace, session.read(cell)));
  results.insert(results.begin() + static_cast<std::ptrdiff_t>(results_before), last.begin(),
                 last.end());
  std::vector<VariableRef> more;
  for (const VariableRef& cell : session.assigned()) {
    if (std::find(carried.begin(), carried.end(), cell) == carried.end()) more.push_back(cell);
  }
  if (!more.empty()) return more;
  const auto add = [&](const Tensor& t) { out.own_ids.push_back(t.value()); };
  std::for_each(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(before), add);
  std::for_each(variables.begin(), variables.end(), add);
  std::for_each(own.begin() + static_cast<std::ptrdiff_t>(before), own.end(), add);
  trace->graph.set_results(std::move(results));
  out.captured = session.body().captured();
  out.capture_ids = session.body().values();
  out.assigned = carried;
  out.graph = std::move(trace->graph);
  trace->graph = Graph();
  return {};
}

// Traces until all Variables that the body assigns are among its arguments.
TracedBody trace_body(const BodyFunction& f, const std::vector<Spec>& specs, std::size_t before,
                      std::size_t results_before, std::vector<VariableRef> carried = {}) {
  for (;;) {
    TracedBody body;
    const auto more = trace_once(f, specs, before, carried, results_before, body);
    if (more.empty()) return body;
    carried.insert(carried.end(), more.begin(), more.end());
  }
}

Tensors values_of(const std::vector<VariableRef>& cells) {
  Tensors values;
  for (const VariableRef& cell : cells) values.push_back(read(cell));
  return values;
}

std::vector<Spec> specs_of(const Tensors& tensors) {
  std::vector<Spec> specs;
  for (const Tensor& t : tensors) specs.push_back(t.spec());
  return specs;
}

Tensors joined(std::initializer_list<Tensors> parts) {
  Tensors all;
  for (const Tensors& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Tensors part_of(const TensorList& list, std::size_t first, std::size_t count) {
  return Tensors(list.begin() + first, list.begin() + first + count);
}

void require_like(std::string_view op, const Tensors& given, const Tensors& like,
                  const Location& at) {
  if (given.size() != like.size()) {
    throw ValueError(format_error(
        {.op = op,
         .what = fmt::format("the carry has {} tensors and becomes {}", like.size(), given.size()),
         .location = at,
         .hint = "return a carry of the nest of the initial one"}));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].spec() == like[i].spec()) continue;
    const std::string text =
        format_error({.op = op,
                      .what = fmt::format("the carry {} begins as {} and becomes {}", i,
                                          to_string(like[i].spec()), to_string(given[i].spec())),
                      .location = at,
                      .hint = "begin with a value of the shape and dtype that the body gives, or "
                              "convert its result"});
    if (given[i].shape() == like[i].shape()) throw DTypeError(text);
    throw ShapeError(text);
  }
}

std::int64_t steps_of(const Tensors& xs, const LoopOptions& options, const Location& at) {
  const auto fail = [&]<class E>(E*, const std::string& what, std::string_view hint) {
    throw E(format_error({.op = "scan", .what = what, .location = at, .hint = hint}));
  };
  std::int64_t length = options.length;
  if (length < -1) fail(static_cast<ValueError*>(nullptr), "a negative length", "");
  if (options.checkpoint < 0) {
    fail(static_cast<ValueError*>(nullptr),
         fmt::format("checkpoint is {}, it must not be negative", options.checkpoint),
         "0 keeps every carry");
  }
  for (const Tensor& x : xs) {
    if (x.rank() == 0) {
      fail(static_cast<ShapeError*>(nullptr),
           "xs has a tensor of rank 0: there is no axis to go along", "give it a leading axis");
    }
    if (length == -1) length = x.size(0);
    if (length != x.size(0)) {
      fail(static_cast<ShapeError*>(nullptr),
           fmt::format("{} steps, but xs has a tensor {}", length, to_string(x.spec())),
           "all of xs have the number of steps as their leading axis");
    }
  }
  if (length == -1) {
    fail(static_cast<ValueError*>(nullptr), "the number of steps is not known",
         "give xs or LoopOptions.length");
  }
  return length;
}

Tensor row(const Tensor& x, std::int64_t t, const Location& at) {
  return reshape({slice_axis({x, at}, 0, Slice(t, t + 1)), at}, row_of(x.spec()).shape);
}

Tensors rows(const Tensors& xs, std::int64_t first, std::int64_t last, const Location& at) {
  Tensors out;
  for (const Tensor& x : xs) out.push_back(slice_axis({x, at}, 0, Slice(first, last)));
  return out;
}

// The graph of f(carry, x) -> (carry, y) as one of flat lists; checks the carry.
BodyFunction body_function(const ScanBody& f, std::size_t carry, const Location& at) {
  return [&f, carry, at](const Tensors& arguments) {
    const auto split = arguments.begin() + static_cast<std::ptrdiff_t>(carry);
    const Tensors before(arguments.begin(), split);
    ScanResult result = f(before, Tensors(split, arguments.end()));
    require_like("scan", result.carry, before, at);
    return joined({result.carry, result.ys});
  };
}

TracedBody trace_scan(const ScanBody& f, const Tensors& init, const Tensors& xs,
                      const Location& at) {
  std::vector<Spec> specs = specs_of(init);
  for (const Tensor& x : xs) specs.push_back(row_of(x.spec()));
  return trace_body(body_function(f, init.size(), at), specs, init.size(), init.size());
}

ScanResult scan_traced(const ScanBody& f, const Tensors& init, const Tensors& xs,
                       std::int64_t length, bool reverse, const Location& at) {
  TracedBody body = trace_scan(f, init, xs, at);
  const std::size_t carry = init.size() + body.assigned.size();
  const std::size_t ys = body.graph.results().size() - carry;
  const ScanAttrs attrs{body.finish(), body.captures(), static_cast<std::int64_t>(carry),
                        length,        reverse,         true};
  const Tensors inputs = joined({body.captured, init, values_of(body.assigned), xs});
  const TensorList out = emit(Op::scan, attrs.attrs(), inputs, at);
  for (std::size_t i = 0; i < body.assigned.size(); ++i) {
    assign(body.assigned[i], out[init.size() + i]);
  }
  return {part_of(out, 0, init.size()), part_of(out, carry, ys)};
}

ScanResult scan_eagerly(const ScanBody& f, const Tensors& init, const Tensors& xs,
                        std::int64_t length, bool reverse, const Location& at) {
  ScanResult result{init, {}};
  if (length == 0) {
    // What y would be is known from the body alone.
    const TracedBody body = trace_scan(f, init, xs, at);
    const auto& results = body.graph.results();
    for (std::size_t i = init.size() + body.assigned.size(); i < results.size(); ++i) {
      const Spec spec = rows_of(body.graph.spec(results[i]), 0);
      result.ys.push_back(zeros(spec.shape, spec.dtype));
    }
    return result;
  }
  std::vector<Tensors> parts;
  for (std::int64_t k = 0; k < length; ++k) {
    const std::int64_t t = reverse ? length - 1 - k : k;
    Tensors x;
    for (const Tensor& all : xs) x.push_back(row(all, t, at));
    ScanResult step = f(result.carry, x);
    require_like("scan", step.carry, init, at);
    result.carry = std::move(step.carry);
    parts.resize(step.ys.size());
    for (std::size_t i = 0; i < step.ys.size(); ++i) parts[i].push_back(step.ys[i]);
  }
  for (Tensors& part : parts) {
    if (reverse) std::reverse(part.begin(), part.end());
    result.ys.push_back(stack(part));
  }
  return result;
}

ScanResult scan_steps(const ScanBody& f, const Tensors& init, const Tensors& xs,
                      std::int64_t length, bool reverse, const Location& at) {
  return TraceSession::current() ? scan_traced(f, init, xs, length, reverse, at)
                                 : scan_eagerly(f, init, xs, length, reverse, at);
}

// Chunks of `every` steps as the steps of an outer scan, which keeps their carries; what is left
// over runs before or after.
ScanResult scan_in_chunks(const ScanBody& f, const Tensors& init, const Tensors& xs,
                          std::int64_t length, bool reverse, std::int64_t every,
                          const Location& at) {
  const std::int64_t chunks = length / every;
  const std::int64_t rest = length - chunks * every;
  // Rows [0, rest) in reverse order come last, and so do the last ones otherwise.
  const std::int64_t first = reverse ? rest : 0;
  const std::int64_t end = first + chunks * every;
  Tensors chunked;
  for (const Tensor& x : rows(xs, first, end, at)) {
    Shape shape{chunks, every};
    for (const std::int64_t d : row_of(x.spec()).shape) shape.push_back(d);
    chunked.push_back(reshape({x, at}, shape));
  }
  const ScanBody chunk = [&](const Tensors& carry, const Tensors& x) {
    return scan_steps(f, carry, x, every, reverse, at);
  };
  ScanResult result = scan_steps(chunk, init, chunked, chunks, reverse, at);
  for (Tensor& y : result.ys) {
    Shape shape{chunks * every};
    for (int i = 2; i < y.rank(); ++i) shape.push_back(y.shape()[i]);
    y = reshape({y, at}, shape);
  }
  if (rest == 0) return result;
  const Tensors left = reverse ? rows(xs, 0, rest, at) : rows(xs, end, length, at);
  const ScanResult tail = scan_steps(f, result.carry, left, rest, reverse, at);
  result.carry = tail.carry;
  for (std::size_t i = 0; i < result.ys.size(); ++i) {
    result.ys[i] =
        reverse ? concatenate({tail.ys[i], result.ys[i]}) : concatenate({result.ys[i], tail.ys[i]});
  }
  return result;
}

// The branches of a choice take the same operands: what either captured.
void give_same_arguments(TracedBody& a, TracedBody& b) {
  const auto find = [&](const Tensors& list, const Tensor& t) {
    return std::find_if(list.begin(), list.end(),
                        [&](const Tensor& x) { return is_same_value(x, t); });
  };
  Tensors all = a.captured;
  for (const Tensor& t : b.captured) {
    if (find(a.captured, t) == a.captured.end()) all.push_back(t);
  }
  for (TracedBody* body : {&a, &b}) {
    std::vector<ValueId> ids;
    for (const Tensor& t : all) {
      const auto found = find(body->captured, t);
      if (found != body->captured.end()) {
        ids.push_back(body->capture_ids[static_cast<std::size_t>(found - body->captured.begin())]);
        continue;
      }
      ids.push_back(append_input(body->graph, t.spec()));
    }
    body->captured = all;
    body->capture_ids = std::move(ids);
  }
}

}  // namespace

ScanResult scan(const ScanBody& body, const Tensors& init, const Tensors& xs,
                const LoopOptions& options, const Location& at) {
  const std::int64_t length = steps_of(xs, options, at);
  if (options.checkpoint > 1 && options.checkpoint < length && TraceSession::current()) {
    return scan_in_chunks(body, init, xs, length, options.reverse, options.checkpoint, at);
  }
  return scan_steps(body, init, xs, length, options.reverse, at);
}

Tensors cond(const Operand& predicate, const BranchBody& then, const BranchBody& otherwise) {
  const Tensor p = predicate.tensor(boolean);
  if (p.dtype() != boolean || p.rank() != 0) {
    throw DTypeError(format_error({.op = "cond",
                                   .what = "the predicate is " + to_string(p.spec()) +
                                           ", one truth value, bool[], "
                                           "is expected",
                                   .location = predicate.at(),
                                   .hint = "compare, and reduce with all() or any()"}));
  }
  if (!p.is_traced()) return p.item<bool>() ? then() : otherwise();
  const auto trace = [](const BranchBody& f, const std::vector<VariableRef>& carried) {
    std::size_t results = 0;
    return trace_body(
        [&](const Tensors&) {
          const Tensors out = f();
          results = out.size();
          return out;
        },
        {}, 0, 0, carried);
  };
  // Both branches give new values to whatever one of them assigns.
  TracedBody first = trace(then, {});
  TracedBody second = trace(otherwise, first.assigned);
  if (second.assigned.size() > first.assigned.size()) first = trace(then, second.assigned);
  give_same_arguments(first, second);
  const Attrs attrs{{"then", first.finish()}, {"otherwise", second.finish()}};
  const Tensors inputs = joined({{p}, first.captured, values_of(first.assigned)});
  const TensorList out = emit(Op::cond, attrs, inputs, predicate.at());
  for (std::size_t i = 0; i < first.assigned.size(); ++i) assign(first.assigned[i], out[i]);
  return part_of(out, first.assigned.size(), out.size() - first.assigned.size());
}

Tensors while_loop(const WhileCond& condition, const WhileBody& body, const Tensors& init,
                   const Location& at) {
  if (!TraceSession::current()) {
    Tensors carry = init;
    while (condition(carry).item<bool>()) {
      Tensors next = body(carry);
      require_like("while_loop", next, carry, at);
      carry = std::move(next);
    }
    return carry;
  }
  const std::vector<Spec> specs = specs_of(init);
  TracedBody loop = trace_body(
      [&](const Tensors& carry) {
        const Tensors next = body(carry);
        require_like("while_loop", next, carry, at);
        return next;
      },
      specs, specs.size(), specs.size());
  // The condition sees the Variables that the body assigns.
  TracedBody test = trace_body([&](const Tensors& carry) { return Tensors{condition(carry)}; },
                               specs, specs.size(), 1, loop.assigned);
  if (test.assigned.size() > loop.assigned.size()) {
    throw TraceError(format_error({.op = "while_loop",
                                   .what = "the condition assigns a Variable",
                                   .location = at,
                                   .hint = "assign it in the body"}));
  }
  test.graph.set_results({test.graph.results()[0]});
  const WhileAttrs attrs{test.finish(), loop.finish(), test.captures(), loop.captures()};
  const Tensors inputs = joined({test.captured, loop.captured, init, values_of(loop.assigned)});
  const TensorList out = emit(Op::while_loop, attrs.attrs(), inputs, at);
  for (std::size_t i = 0; i < loop.assigned.size(); ++i) {
    assign(loop.assigned[i], out[init.size() + i]);
  }
  return part_of(out, 0, init.size());
}

}  // namespace nacre::detail
