#include "nacre/io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "nacre/base/durable.h"
#include "nacre/base/error.h"
#include "nacre/base/input.h"

namespace nacre::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".checkpoint";

// CRC-32 over names and contents, in the order of the names.
std::string checksum(std::int64_t step, const NamedTensors& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor* a, const NamedTensor* b) { return a->name < b->name; });
  std::string parts = fmt::format("{}\n", step);
  for (const NamedTensor* t : order) {
    const Bytes bytes(static_cast<const std::byte*>(t->tensor.raw_data()),
                      t->tensor.spec().bytes());
    parts += fmt::format("{} {} {:08x}\n", t->name, to_string(t->tensor.spec()), crc32_of(bytes));
  }
  return fmt::format("{:08x}", crc32_of(bytes_of(parts)));
}

template <class T>
bool parse_whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void save_checkpoint(const fs::path& path, const Checkpoint& checkpoint) {
  NamedTensors copies;
  const NamedTensors& tensors = on_host(checkpoint.tensors, copies);
  save_safetensors(path, tensors,
                   {{"nacre.checkpoint", "1"},
                    {"step", std::to_string(checkpoint.step)},
                    {"checksum", checksum(checkpoint.step, tensors)}});
}

Checkpoint load_checkpoint(const fs::path& path) {
  TensorFile file = load_safetensors(path);
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) {
      throw_io(path.string(), fmt::format("not a checkpoint: its metadata has no \"{}\"", key));
    }
    return found->second;
  };
  if (text("nacre.checkpoint") != "1") {
    throw_io(path.string(), "checkpoint format " + text("nacre.checkpoint") + ", 1 expected");
  }
  Checkpoint out;
  if (!parse_whole(text("step"), out.step)) throw_io(path.string(), "its step is not a number");
  out.tensors = std::move(file.tensors);
  out.source = path.string();
  if (checksum(out.step, out.tensors) != text("checksum")) {
    throw_io(path.string(), "its contents do not fit its checksum",
             "the file is damaged: take an older checkpoint");
  }
  return out;
}

CheckpointFolder::CheckpointFolder(fs::path folder, int keep)
    : folder_(std::move(folder)), keep_(keep) {
  if (keep < 1) throw ValueError(fmt::format("CheckpointFolder: keep = {}", keep));
}

fs::path CheckpointFolder::path_of(std::int64_t step) const {
  return folder_ / fmt::format("{}{:012}{}", kPrefix, step, kSuffix);
}

void CheckpointFolder::save(const Checkpoint& checkpoint) const {
  if (checkpoint.step < 0) throw ValueError(fmt::format("checkpoint: step {}", checkpoint.step));
  save_checkpoint(path_of(checkpoint.step), checkpoint);
  std::vector<std::int64_t> all = steps();
  std::error_code ignored;
  std::erase_if(all, [&](std::int64_t step) {
    return step > checkpoint.step && fs::remove(path_of(step), ignored);
  });
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep_) < all.size(); ++i) {
    fs::remove(path_of(all[i]), ignored);
  }
  remove_leftovers(folder_);
}

std::vector<std::int64_t> CheckpointFolder::steps() const {
  std::vector<std::int64_t> out;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_, missing)) {
    const std::string name = entry.path().filename().string();
    std::int64_t step = 0;
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix) &&
        parse_whole(std::string_view(name).substr(kPrefix.size(),
                                                  name.size() - kPrefix.size() - kSuffix.size()),
                    step)) {
      out.push_back(step);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Checkpoint CheckpointFolder::load(std::int64_t step) const {
  return load_checkpoint(path_of(step));
}

std::optional<Checkpoint> CheckpointFolder::load_latest(std::vector<std::string>* problems) const {
  const std::vector<std::int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      return load(*step);
    } catch (const IoError& e) {
      if (problems) problems->emplace_back(e.what());
      if (std::next(step) == all.rend()) throw;
    }
  }
  return std::nullopt;
}

}  // namespace nacre::io
