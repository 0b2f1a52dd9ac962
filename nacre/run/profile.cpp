#include "nacre/run/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "nacre/run/measured.h"

namespace nacre {
namespace {

// The best of a few runs of f, in seconds.
template <class F>
double best_seconds(int runs, F&& f) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const auto before = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
    best = std::min(best, took.count());
  }
  return best;
}

double measure_products(Backend& backend) {
  MemorySpace& space = backend.memory();
  constexpr std::int64_t kSize = 384;
  const Spec spec{f32, {kSize, kSize}};
  const Attrs attrs{{"transpose_a", false}, {"transpose_b", false}};
  const SpecList in{spec, spec};
  const SpecList out{spec};
  const PreparedKernel kernel = prepare_kernel({Op::matmul, attrs, in, out, 1}, backend);
  if (kernel.name == "reference") return 0;
  const Tensor a = full(spec.shape, 0.5, f32).in(space);
  const Tensor b = full(spec.shape, 0.25, f32).in(space);
  const Tensor c(spec, space);
  void* pointers[] = {a.buffer().data(), b.buffer().data(), c.buffer().data()};
  const Buffer scratch = Buffer::allocate(kernel.scratch_bytes, space);
  const double seconds = best_seconds(5, [&] {
    kernel.run(kernel.state.get(), pointers, {1, scratch.data()});
    space.wait();
  });
  return 2.0 * kSize * kSize * kSize / seconds;
}

double measure_copies(MemorySpace& space, std::size_t bytes, int repeats) {
  const Buffer from = Buffer::allocate(bytes, space);
  const Buffer to = Buffer::allocate(bytes, space);
  space.fill(from.data(), 1, bytes);
  space.fill(to.data(), 1, bytes);
  const double seconds = best_seconds(5, [&] {
    for (int i = 0; i < repeats; ++i) {
      space.copy(to.data(), from.data(), bytes);
      // So that no copy can be left out.
      space.fill(static_cast<char*>(from.data()) + i % 64, i % 128, 1);
    }
    space.wait();
  });
  return 2.0 * static_cast<double>(bytes) * repeats / seconds;
}

std::string json_text(const std::string& s) {
  std::string out;
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

// "  1000 iterations of 1.25 us", for loops.
std::string per_iteration(const StepProfile& s) {
  if (s.iterations < 2) return {};
  return fmt::format("  {} iterations of {:.2f} us", s.iterations,
                     s.microseconds / static_cast<double>(s.iterations));
}

}  // namespace

const MachineCeiling& machine_ceiling() {
  static Measured<MachineCeiling> ceiling([](Backend& backend) -> MachineCeiling {
    return {measure_products(backend), measure_copies(backend.memory(), std::size_t{256} << 10, 50),
            measure_copies(backend.memory(), std::size_t{64} << 20, 1)};
  });
  return ceiling.of(current_backend());
}

double ProfileReport::step_microseconds() const {
  double total = 0;
  for (const StepProfile& s : steps) total += s.microseconds;
  return total;
}

std::string ProfileReport::to_text(std::size_t most) const {
  std::vector<const StepProfile*> order;
  for (const StepProfile& s : steps) order.push_back(&s);
  std::stable_sort(order.begin(), order.end(), [](const StepProfile* a, const StepProfile* b) {
    return a->microseconds > b->microseconds;
  });
  const double total = std::max(step_microseconds(), 1e-9);
  std::string out = fmt::format(
      "{} steps, {:.1f} us a replay, arena {} bytes\n{:>10} {:>6} {:>8} {:>8}  {}\n", steps.size(),
      replay_microseconds, arena_bytes, "us", "%", "GB/s", "ceiling", "step");
  for (std::size_t i = 0; i < order.size() && i < most; ++i) {
    const StepProfile& s = *order[i];
    fmt::format_to(std::back_inserter(out),
                   "{:10.2f} {:6.1f} {:8.1f} {:7.0f}%  {} {} [{} x{}]{}{}{}{}{}\n", s.microseconds,
                   100 * s.microseconds / total, s.bytes / std::max(s.microseconds, 1e-3) * 1e-3,
                   100 * s.fraction, s.op, s.spec, s.kernel, s.threads, s.layer.empty() ? "" : "  ",
                   s.layer, s.line.empty() ? "" : "  ", s.line, per_iteration(s));
  }
  if (order.size() > most) out += fmt::format("  ... and {} more\n", order.size() - most);
  std::map<std::string, std::pair<double, int>> by_op;
  for (const StepProfile& s : steps) {
    auto& [us, count] = by_op[s.op + " [" + s.kernel + "]"];
    us += s.microseconds;
    ++count;
  }
  std::vector<std::pair<std::string, std::pair<double, int>>> sums(by_op.begin(), by_op.end());
  std::stable_sort(sums.begin(), sums.end(),
                   [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  out += "by op:\n";
  for (const auto& [name, sum] : sums) {
    fmt::format_to(std::back_inserter(out), "{:10.2f} {:6.1f} {:5}x  {}\n", sum.first,
                   100 * sum.first / total, sum.second, name);
  }
  return out;
}

std::string ProfileReport::to_chrome_trace() const {
  std::string out = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
  double at = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepProfile& s = steps[i];
    fmt::format_to(std::back_inserter(out),
                   "{}\n{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":"
                   "{:.3f},\"dur\":{:.3f},\"args\":{{\"layer\":\"{}\",\"line\":\"{}\",\"output\":"
                   "\"{}\",\"bytes\":{:.0f},\"operations\":{:.0f},\"ceiling\":{:.4f}}}}}",
                   i ? "," : "", json_text(s.op), json_text(s.kernel), at, s.microseconds,
                   json_text(s.layer), json_text(s.line), json_text(s.spec), s.bytes, s.operations,
                   s.fraction);
    at += s.microseconds;
  }
  return out + "\n]}\n";
}

}  // namespace nacre
