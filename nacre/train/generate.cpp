#include "nacre/train/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "nacre/base/random.h"
#include "nacre/nn/decoding.h"
#include "nacre/ops/api.h"
#include "nacre/run/compile.h"

namespace nacre {
namespace {

// A prompt is read in pieces of this length, the rest of it token by token: two plans.
constexpr std::int64_t kPiece = 32;

void check(const GenerateOptions& o) {
  const char* wrong = o.most < 1                        ? "most must be at least 1"
                      : !(o.temperature >= 0)           ? "temperature must be at least 0"
                      : o.top_k < 0                     ? "top_k must be at least 0"
                      : !(o.top_p > 0 && o.top_p <= 1)  ? "top_p must be in (0, 1]"
                      : !(o.min_p >= 0 && o.min_p < 1)  ? "min_p must be in [0, 1)"
                      : !(o.repetition_penalty > 0)     ? "repetition_penalty must be above 0"
                      : o.context < 0 || o.context == 1 ? "context must be at least 2"
                                                        : nullptr;
  if (wrong) throw ValueError(fmt::format("generate: {}", wrong));
}

void check_prompts(const std::vector<Tokens>& prompts, const char* who) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!prompts[i].empty()) continue;
    throw ValueError(format_error({.op = who,
                                   .what = fmt::format("prompt {} is empty", i),
                                   .hint = "begin with at least one token"}));
  }
}

std::vector<float> row_of(const Tensor& logits, std::size_t row) {
  const auto width = static_cast<std::size_t>(logits.size(1));
  const Tensor here = logits.on_host();
  const auto all = here.data<float>();
  const auto from = all.begin() + static_cast<std::ptrdiff_t>(row * width);
  std::vector<float> out(from, from + static_cast<std::ptrdiff_t>(width));
  for (const float v : out) {
    if (std::isnan(v)) throw ValueError("generate: the network gives NaN instead of logits");
  }
  return out;
}

// Chooses the next token by the options.
class Sampler {
 public:
  explicit Sampler(const GenerateOptions& options) : o_(options) {}

  std::int64_t choose(std::vector<float> logits, const Tokens& before, RandomStream& random) {
    if (o_.repetition_penalty != 1) {
      Tokens seen = before;
      std::sort(seen.begin(), seen.end());
      seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
      const auto penalty = static_cast<float>(o_.repetition_penalty);
      for (const std::int64_t t : seen) {
        float& l = logits.at(static_cast<std::size_t>(t));
        l = l > 0 ? l / penalty : l * penalty;
      }
    }
    if (o_.temperature == 0) {
      return std::max_element(logits.begin(), logits.end()) - logits.begin();
    }
    find_candidates(logits);
    double total = 0;
    for (const auto& [p, token] : candidates_) total += p;
    double left = random.uniform() * total;
    for (const auto& [p, token] : candidates_) {
      left -= p;
      if (left < 0) return token;
    }
    return candidates_.back().second;
  }

 private:
  // {weight, token}, the most probable first.
  void find_candidates(const std::vector<float>& logits) {
    const double top = *std::max_element(logits.begin(), logits.end());
    candidates_.clear();
    double total = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double p = std::exp((static_cast<double>(logits[i]) - top) / o_.temperature);
      total += p;
      if (p > 0 && p >= o_.min_p) candidates_.emplace_back(p, static_cast<std::int64_t>(i));
    }
    const auto better = [](const auto& a, const auto& b) {
      return std::pair(-a.first, a.second) < std::pair(-b.first, b.second);
    };
    if (o_.top_k > 0 && static_cast<std::size_t>(o_.top_k) < candidates_.size()) {
      std::nth_element(candidates_.begin(), candidates_.begin() + o_.top_k, candidates_.end(),
                       better);
      candidates_.resize(static_cast<std::size_t>(o_.top_k));
      total = 0;
      for (const auto& [p, token] : candidates_) total += p;
    }
    std::sort(candidates_.begin(), candidates_.end(), better);
    if (o_.top_p >= 1) return;
    double together = 0;
    std::size_t kept = 0;
    while (kept < candidates_.size() && together < o_.top_p * total) {
      together += candidates_[kept++].first;
    }
    candidates_.resize(kept);
  }

  const GenerateOptions& o_;
  std::vector<std::pair<double, std::int64_t>> candidates_;
};

bool ends_in(const Tokens& tokens, const Tokens& end) {
  return !end.empty() && tokens.size() >= end.size() &&
         std::equal(end.rbegin(), end.rend(), tokens.rbegin());
}

// Several sequences that grow.
class Writing {
 public:
  Writing(const std::vector<Tokens>& prompts, const GenerateOptions& options)
      : options_(options), sampler_(options), read_(prompts), written_(prompts.size()) {
    for (std::size_t i = 0; i < prompts.size(); ++i) random_.emplace_back(options.seed, i);
    done_.assign(prompts.size(), false);
  }

  bool goes_on() const {
    return !stopped_ && std::find(done_.begin(), done_.end(), false) != done_.end();
  }
  std::size_t size() const { return read_.size(); }
  // Tokens of sequence i that are there to be read.
  const Tokens& tokens(std::size_t i) const { return read_[i]; }
  bool done(std::size_t i) const { return done_[i]; }
  // How many tokens all have.
  std::int64_t known() const {
    std::size_t least = read_[0].size();
    for (const Tokens& t : read_) least = std::min(least, t.size());
    return static_cast<std::int64_t>(least);
  }
  // The next token of a sequence of which all was read. One that is done gets any, so that the
  // others go on beside it.
  void take(std::size_t i, const std::vector<float>& logits) {
    if (done_[i] || stopped_) {
      read_[i].push_back(0);
      return;
    }
    const std::int64_t token = sampler_.choose(logits, read_[i], random_[i]);
    read_[i].push_back(token);
    written_[i].push_back(token);
    if (options_.on_token && !options_.on_token(i, token)) stopped_ = true;
    done_[i] = static_cast<std::int64_t>(written_[i].size()) >= options_.most ||
               std::any_of(options_.stop.begin(), options_.stop.end(),
                           [&](const Tokens& end) { return ends_in(written_[i], end); });
  }
  std::vector<Tokens> written() { return std::move(written_); }

 private:
  const GenerateOptions& options_;
  Sampler sampler_;
  std::vector<Tokens> read_, written_;
  std::vector<RandomStream> random_;
  std::vector<bool> done_;
  bool stopped_ = false;
};

void write_with_cache(nn::Layer& network, Writing& text, std::int64_t room) {
  const std::size_t n = text.size();
  TokenReader reader(network, static_cast<std::int64_t>(n), room);
  std::int64_t first = 0;  // of the tokens that the reader has seen
  std::int64_t read = 0;
  while (text.goes_on()) {
    if (read - first == room) {
      first = read - room / 2;
      read = first;
      reader.restart();
    }
    std::int64_t piece = std::min(text.known() - read, room - (read - first));
    piece = piece >= kPiece ? kPiece : 1;
    std::vector<std::int64_t> tokens;
    for (std::size_t i = 0; i < n; ++i) {
      const auto from = text.tokens(i).begin() + read;
      tokens.insert(tokens.end(), from, from + piece);
    }
    const Tensor logits =
        reader.read(Tensor::from(tokens, {static_cast<std::int64_t>(n), piece})).on_host();
    read += piece;
    for (std::size_t i = 0; i < n; ++i) {
      if (static_cast<std::int64_t>(text.tokens(i).size()) == read) {
        text.take(i, row_of(logits, i));
      }
    }
  }
}

void write_anew(nn::Layer& network, Writing& text, std::int64_t room) {
  const TrainingScope infer(false);
  std::vector<std::int64_t> first(text.size(), 0);
  while (text.goes_on()) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.done(i)) continue;
      const Tokens& all = text.tokens(i);
      while (static_cast<std::int64_t>(all.size()) - first[i] > room) first[i] += room - room / 2;
      const Tokens part(all.begin() + first[i], all.end());
      const auto seen = static_cast<std::int64_t>(part.size());
      const Tensor logits = network(Tensor::from(part, {1, seen}));
      text.take(i, row_of(logits.select(1, -1).to(f32), 0));
    }
  }
}

}  // namespace

struct TokenReader::Impl {
  Impl(nn::Layer& net, std::int64_t batch, std::int64_t room)
      : network(net), past(batch, room), step([this](const Tensors& in) { return run(in); }) {}

  Tensors run(const Tensors& in) {
    const nn::Decoding::Scope reading(past);
    const Tensor logits = network(in[0]);
    if (logits.rank() != 3) {
      throw ShapeError(format_error(
          {.op = "generate",
           .what = fmt::format("the network gives {} for tokens {}, [batch, steps, vocabulary] "
                               "is expected",
                               to_string(logits.shape()), to_string(in[0].shape())),
           .hint = "recurrent layers need return_sequences = true"}));
    }
    past.advance(in[0].size(1));
    return {logits.select(1, -1).to(f32)};
  }

  nn::Layer& network;
  nn::Decoding past;
  CompiledFunction step;
};

TokenReader::TokenReader(nn::Layer& network, std::int64_t batch, std::int64_t room)
    : impl_(std::make_unique<Impl>(network, batch, room)) {}
TokenReader::~TokenReader() = default;
Tensor TokenReader::read(const Tensor& tokens) { return impl_->step({tokens})[0]; }
void TokenReader::reorder(const Tensor& parents) { impl_->past.reorder(parents); }
void TokenReader::restart() { impl_->past.restart(); }
std::size_t TokenReader::plans() const { return impl_->step.statistics().plans; }

std::vector<Tokens> generate(nn::Layer& network, const std::vector<Tokens>& prompts,
                             const GenerateOptions& options) {
  check(options);
  check_prompts(prompts, "generate");
  if (prompts.empty()) return {};
  Writing text(prompts, options);
  std::size_t longest = 0;
  for (const Tokens& p : prompts) longest = std::max(longest, p.size());
  std::int64_t room = static_cast<std::int64_t>(longest) + options.most;
  if (options.context > 0) room = std::min(room, options.context);
  if (options.cache) {
    write_with_cache(network, text, room);
  } else {
    write_anew(network, text, room);
  }
  return text.written();
}

Tokens generate(nn::Layer& network, const Tokens& prompt, const GenerateOptions& options) {
  return generate(network, std::vector<Tokens>{prompt}, options)[0];
}

namespace {

struct Candidate {
  double sum = 0;  // of log-probabilities
  std::size_t beam = 0;
  std::int64_t token = 0;
};

// The best `count` ways to go on with one of the beams.
std::vector<Candidate> best_of(const Tensor& logits, const std::vector<double>& sums,
                               std::size_t count) {
  std::vector<Candidate> all;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    if (sums[b] == -std::numeric_limits<double>::infinity()) continue;
    const std::vector<float> row = row_of(logits, b);
    const double top = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (const float l : row) total += std::exp(static_cast<double>(l) - top);
    const double base = sums[b] - top - std::log(total);
    for (std::size_t t = 0; t < row.size(); ++t) {
      all.push_back({base + static_cast<double>(row[t]), b, static_cast<std::int64_t>(t)});
    }
  }
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    [](const Candidate& x, const Candidate& y) {
                      return std::tuple(-x.sum, x.beam, x.token) <
                             std::tuple(-y.sum, y.beam, y.token);
                    });
  all.resize(count);
  return all;
}

}  // namespace

std::vector<Beam> beam_search(nn::Layer& network, const Tokens& prompt,
                              const BeamOptions& options) {
  if (options.beams < 1 || options.most < 1) {
    throw ValueError("beam_search: beams and most must be at least 1");
  }
  check_prompts({prompt}, "beam_search");
  const auto beams = static_cast<std::size_t>(options.beams);
  TokenReader reader(network, options.beams,
                     static_cast<std::int64_t>(prompt.size()) + options.most);
  const auto score_of = [&](double sum, std::size_t length) {
    return sum / std::pow(static_cast<double>(length), options.length_penalty);
  };
  Tensor logits;
  for (std::size_t i = 0; i < prompt.size();) {
    const std::size_t n = prompt.size() - i >= kPiece ? kPiece : 1;
    Tokens all;
    for (std::size_t b = 0; b < beams; ++b) {
      const auto from = prompt.begin() + static_cast<std::ptrdiff_t>(i);
      all.insert(all.end(), from, from + static_cast<std::ptrdiff_t>(n));
    }
    logits =
        reader.read(Tensor::from(all, {options.beams, static_cast<std::int64_t>(n)})).on_host();
    i += n;
  }
  // All beams begin as one.
  std::vector<double> sums(beams, -std::numeric_limits<double>::infinity());
  sums[0] = 0;
  std::vector<Tokens> live(beams);
  std::vector<Beam> found;
  const auto by_score = [](const Beam& a, const Beam& b) { return a.score > b.score; };
  for (std::int64_t step = 1; step <= options.most; ++step) {
    std::vector<Tokens> next;
    std::vector<double> next_sums;
    Tokens parents;
    for (const Candidate& c : best_of(logits, sums, 2 * beams)) {
      if (next.size() == beams) break;
      Tokens tokens = live[c.beam];
      tokens.push_back(c.token);
      if (c.token == options.end || step == options.most) {
        found.push_back({tokens, score_of(c.sum, tokens.size())});
        if (c.token == options.end) continue;
      }
      next.push_back(std::move(tokens));
      next_sums.push_back(c.sum);
      parents.push_back(static_cast<std::int64_t>(c.beam));
    }
    std::stable_sort(found.begin(), found.end(), by_score);
    if (found.size() > beams) found.resize(beams);
    if (next.empty() || step == options.most) break;
    // Sums only fall: what cannot become better than the worst of as many as are wanted stays out.
    const double hope = std::max(score_of(next_sums[0], next[0].size()),
                                 score_of(next_sums[0], static_cast<std::size_t>(options.most)));
    if (found.size() == beams && found.back().score >= hope) break;
    while (next.size() < beams) {  // a small vocabulary gives fewer
      next.push_back(next[0]);
      next_sums.push_back(-std::numeric_limits<double>::infinity());
      parents.push_back(parents[0]);
    }
    live = std::move(next);
    sums = std::move(next_sums);
    reader.reorder(Tensor::from(parents));
    Tokens last;
    for (const Tokens& t : live) last.push_back(t.back());
    logits = reader.read(Tensor::from(last, {options.beams, 1})).on_host();
  }
  return found;
}

}  // namespace nacre
