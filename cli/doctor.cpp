#include "cli/doctor.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <oneapi/dnnl/dnnl.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "nacre/base/text.h"
#include "nacre/base/threads.h"
#include "nacre/data/image/image.h"
#include "nacre/data/sets/fetch.h"
#include "nacre/data/sets/named.h"
#include "nacre/data/sound/sound.h"
#include "nacre/run/precision.h"

namespace nacre::cli {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(':');
      if (colon != line.npos) return line.substr(colon + 2);
    }
  }
  utsname name{};
  return uname(&name) == 0 ? name.machine : "unknown";
}

struct Feature {
  const char* name;
  bool present;
  const char* use;
};

std::vector<Feature> features() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // AMX stands in leaf 7, EDX bit 24; GCC 12 has no name for it.
  unsigned amx = 0;
  unsigned eax = 7, ebx = 0, ecx = 0;
  __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(amx));
  return {{"SSE4.2", __builtin_cpu_supports("sse4.2") != 0, "the least that runs"},
          {"AVX2 + FMA", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
           "8 floats an instruction"},
          {"AVX-512", __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"),
           "16 floats an instruction"},
          {"AVX-512 BF16", __builtin_cpu_supports("avx512bf16") != 0, "bf16 products"},
          {"AVX-512 VNNI", __builtin_cpu_supports("avx512vnni") != 0, "int8 products"},
          {"AMX tiles", ((amx >> 24) & 1u) != 0, "bf16 and int8 matrix tiles"}};
#else
  return {};
#endif
}

double memory_bytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
}

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

std::string bfloat16_text() {
  const std::string reason = why_no_bfloat16();
  if (!reason.empty()) return "not used: " + reason;
  return fmt::format("{:.1f} times as fast as f32; precision automatic {} them", bfloat16_speedup(),
                     uses_bfloat16(Precision::automatic) ? "uses" : "does not use");
}

std::string gpu_text() {
  return std::filesystem::exists("/dev/nvidiactl")
             ? "an NVIDIA device is there; not used: this build computes on the processor only"
             : "none found";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment() {
  std::string instructions;
  for (const Feature& f : features()) {
    if (f.present) instructions += (instructions.empty() ? "" : ", ") + std::string(f.name);
  }
  return {{"processor", cpu_model()},      {"instructions", instructions},
          {"threads", describe_threads()}, {"memory", human_bytes(memory_bytes())},
          {"oneDNN", onednn_version()},    {"Nacre", NACRE_VERSION}};
}

namespace {

int run_doctor(const Console& console) {
  nlohmann::json json;
  std::string text = fmt::format("Nacre {}\n\n", NACRE_VERSION);
  const auto line = [&](const std::string& name, const std::string& value) {
    text += fmt::format("{:<14} {}\n", name, value);
    json[name] = value;
  };
  line("processor", cpu_model());
  line("processors", describe_processors());
  line("threads", describe_threads());
  line("memory", human_bytes(memory_bytes()));
  line("oneDNN", onednn_version());
  line("bf16 products", bfloat16_text());
  line("GPU", gpu_text());
  text += "\ninstruction sets\n";
  for (const Feature& f : features()) {
    text += fmt::format("  {:<14} {:<4} {}\n", f.name, f.present ? "yes" : "no", f.use);
    json["instruction sets"][f.name] = f.present;
  }
  text += "\nparts\n";
  const auto part = [&](const char* name, bool present, const char* option) {
    const std::string state = present ? "yes" : fmt::format("no: built with {}=OFF", option);
    text += fmt::format("  {:<14} {}\n", name, state);
    json["parts"][name] = present;
  };
  part("pictures", data::have_images(), "NACRE_WITH_IMAGES");
  part("sound", data::have_sound(), "NACRE_WITH_SOUND");
  part("downloads", data::have_fetch(), "NACRE_WITH_FETCH");
  text += "\ndata\n";
  for (const data::SetDescription& set : data::named_sets()) {
    const std::filesystem::path where = set.fetched ? data::find_set(set.name) : "";
    const std::string state = !set.fetched ? "inside the program"
                              : where.empty()
                                  ? "not here; get it with: nacre data fetch " + set.name
                                  : where.string();
    text += fmt::format("  {:<14} {}\n", set.name, state);
    json["data"][set.name] = state;
  }
  console.print(text, json);
  return kOk;
}

}  // namespace

void add_doctor(CLI::App& app, const Console& console, int& code) {
  app.add_subcommand("doctor", "What this machine offers")->callback([&console, &code] {
    code = run_doctor(console);
  });
}

}  // namespace nacre::cli
