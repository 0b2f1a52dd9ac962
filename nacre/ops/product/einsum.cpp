// einsum: parsed to labels, then contracted pair by pair.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/product/contract.h"
#include "nacre/ops/product/products.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/triangular.h"

namespace nacre {
namespace {

using Labels = std::vector<int>;

// Labels below this are letters; the axes of "..." have numbers from here on, the last axis first.
constexpr int kEllipsis = 256;

template <class E>
[[noreturn]] void fail(const std::string& subscripts, const std::string& what, const Location& at,
                       std::string_view hint = {}) {
  throw E(format_error({.op = "einsum",
                        .what = fmt::format("\"{}\": {}", subscripts, what),
                        .location = at,
                        .hint = hint}));
}

std::string name_of_label(int label) {
  return label < kEllipsis ? fmt::format("\"{}\"", static_cast<char>(label)) : "an axis of \"...\"";
}

// One term; `dots` is how many axes "..." stands for, -1 where that is not known yet.
struct Term {
  std::string before;
  std::string after;
  bool has_dots = false;

  Labels labels(int dots) const {
    Labels out(before.begin(), before.end());
    for (int i = has_dots ? dots : 0; i > 0; --i) out.push_back(kEllipsis + i - 1);
    out.insert(out.end(), after.begin(), after.end());
    return out;
  }
};

Term parse_term(const std::string& subscripts, std::string_view text, const Location& at) {
  Term term;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i, 3) == "...") {
      if (term.has_dots) fail<ValueError>(subscripts, "\"...\" stands twice in one term", at);
      term.has_dots = true;
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      (term.has_dots ? term.after : term.before) += c;
    } else {
      fail<ValueError>(
          subscripts,
          fmt::format("\"{}\" at position {} is no letter", c, text.data() + i - subscripts.data()),
          at, "letters, \",\", \"...\" and one \"->\" are allowed");
    }
  }
  return term;
}

struct Equation {
  std::vector<Term> terms;
  Term result;
  bool explicit_result = false;
};

Equation parse(const std::string& text, const Location& at) {
  Equation equation;
  const std::string_view all(text);
  const auto arrow = all.find("->");
  std::string_view left = all.substr(0, arrow);
  for (;;) {
    const auto comma = left.find(',');
    equation.terms.push_back(parse_term(text, left.substr(0, comma), at));
    if (comma == left.npos) break;
    left.remove_prefix(comma + 1);
  }
  if (arrow != all.npos) {
    equation.explicit_result = true;
    equation.result = parse_term(text, all.substr(arrow + 2), at);
  }
  return equation;
}

// Takes the diagonal where a label stands twice.
Labelled without_repeats(Labelled x, const Location& at) {
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    const auto again = std::find(x.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                 x.labels.end(), x.labels[i]);
    if (again == x.labels.end()) continue;
    const int label = x.labels[i];
    x.tensor = diagonal({x.tensor, at}, 0, static_cast<int>(i),
                        static_cast<int>(again - x.labels.begin()));
    x.labels.erase(again);
    x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(i));
    x.labels.push_back(label);  // the diagonal is the last axis
    return without_repeats(std::move(x), at);
  }
  return x;
}

Labels result_labels(const std::string& text, const Equation& equation, int dots,
                     const std::vector<Labelled>& operands, const Location& at) {
  std::map<int, int> count;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    for (const int l : equation.terms[i].labels(0)) ++count[l];
  }
  Labels out;
  if (!equation.explicit_result) {
    for (int i = dots; i > 0; --i) out.push_back(kEllipsis + i - 1);
    for (const auto& [label, times] : count) {
      if (times == 1) out.push_back(label);
    }
    return out;
  }
  out = equation.result.labels(dots);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] < kEllipsis && !count.count(out[i])) {
      fail<ValueError>(
          text, fmt::format("the result names {}, which no operand has", name_of_label(out[i])),
          at);
    }
    if (std::count(out.begin(), out.end(), out[i]) > 1) {
      fail<ValueError>(text, fmt::format("the result names {} twice", name_of_label(out[i])), at,
                       "use diagonal_embed to put a vector on a diagonal");
    }
  }
  return out;
}

// Brings axes of size 1 to the size their label has elsewhere; refuses other differences.
void match_sizes(const std::string& text, std::vector<Labelled>& operands,
                 const std::vector<Labels>& given, const Location& at) {
  std::map<int, std::pair<std::int64_t, std::size_t>> sizes;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    for (std::size_t k = 0; k < given[i].size(); ++k) {
      const std::int64_t n = operands[i].tensor.shape()[static_cast<int>(k)];
      auto& [known, who] = sizes.try_emplace(given[i][k], 1, i).first->second;
      if (known == 1) {
        known = n;
        who = i;
      } else if (n != 1 && n != known) {
        fail<ShapeError>(text,
                         fmt::format("{} has size {} in operand {} ({}) and {} in operand {} "
                                     "({})",
                                     name_of_label(given[i][k]), known, who,
                                     to_string(operands[who].tensor.spec()), n, i,
                                     to_string(operands[i].tensor.spec())),
                         at);
      }
    }
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    Shape shape = operands[i].tensor.shape();
    for (std::size_t k = 0; k < given[i].size(); ++k) {
      shape.set(static_cast<int>(k), sizes.at(given[i][k]).first);
    }
    operands[i].tensor = broadcast_to({operands[i].tensor, at}, shape);
  }
}

// Of all pairs the one whose product has the fewest elements, weighed against what it replaces.
std::pair<std::size_t, std::size_t> cheapest_pair(const std::vector<Labelled>& operands,
                                                  const std::vector<Labels>& keep_for) {
  std::pair<std::size_t, std::size_t> best{0, 1};
  double least = 0;
  std::size_t pair = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    for (std::size_t j = i + 1; j < operands.size(); ++j, ++pair) {
      double elements = 1;
      std::map<int, std::int64_t> sizes;
      for (const Labelled* x : {&operands[i], &operands[j]}) {
        for (std::size_t k = 0; k < x->labels.size(); ++k) {
          sizes[x->labels[k]] = x->tensor.shape()[static_cast<int>(k)];
        }
      }
      for (const auto& [label, n] : sizes) {
        const Labels& keep = keep_for[pair];
        if (std::find(keep.begin(), keep.end(), label) != keep.end()) {
          elements *= static_cast<double>(n);
        }
      }
      const double gain = elements - static_cast<double>(operands[i].tensor.elements()) -
                          static_cast<double>(operands[j].tensor.elements());
      if (pair == 0 || gain < least) {
        least = gain;
        best = {i, j};
      }
    }
  }
  return best;
}

// What must survive the product of operands i and j: the result's labels and those of the others.
Labels kept_after(const std::vector<Labelled>& operands, std::size_t i, std::size_t j,
                  const Labels& result) {
  Labels keep = result;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    if (k != i && k != j) {
      keep.insert(keep.end(), operands[k].labels.begin(), operands[k].labels.end());
    }
  }
  return keep;
}

}  // namespace

Tensor einsum(const std::string& given, const OperandList& list) {
  const Location& at = list.at();
  std::string text = given;
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const Equation equation = parse(text, at);
  const Tensors& tensors = list.tensors();
  if (equation.terms.size() != tensors.size()) {
    fail<ValueError>(
        text, fmt::format("{} terms, but {} operands", equation.terms.size(), tensors.size()), at);
  }
  DType dtype = tensors[0].dtype();
  int dots = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    dtype = promote(dtype, tensors[i].dtype());
    const Term& term = equation.terms[i];
    const int letters = static_cast<int>(term.before.size() + term.after.size());
    const int rank = tensors[i].rank();
    if (rank < letters || (rank > letters && !term.has_dots)) {
      fail<ShapeError>(text,
                       fmt::format("operand {} ({}) has {} axes, its term {} letters", i,
                                   to_string(tensors[i].spec()), rank, letters),
                       at, rank > letters ? "\"...\" stands for further axes" : "");
    }
    if (term.has_dots) dots = std::max(dots, rank - letters);
  }
  if (dtype == boolean) dtype = i64;
  std::vector<Labelled> operands;
  std::vector<Labels> labels;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Term& term = equation.terms[i];
    const int letters = static_cast<int>(term.before.size() + term.after.size());
    labels.push_back(term.labels(tensors[i].rank() - letters));
    operands.push_back({cast({tensors[i], at}, dtype), labels.back()});
  }
  match_sizes(text, operands, labels, at);
  const Labels result = result_labels(text, equation, dots, operands, at);
  if (equation.explicit_result && dots > 0 && !equation.result.has_dots) {
    fail<ValueError>(text, "the result leaves \"...\" out", at, "write \"...\" after \"->\" too");
  }
  for (Labelled& x : operands) x = without_repeats(x, at);
  while (operands.size() > 1) {
    std::vector<Labels> keep;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      for (std::size_t j = i + 1; j < operands.size(); ++j) {
        keep.push_back(kept_after(operands, i, j, result));
      }
    }
    const auto [i, j] = cheapest_pair(operands, keep);
    Labelled product = contract(operands[i], operands[j], kept_after(operands, i, j, result), at);
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(j));
    operands[i] = std::move(product);
  }
  return ordered(sum_labels(operands[0], result, at), result, at);
}

}  // namespace nacre
