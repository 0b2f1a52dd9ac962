#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "nacre/base/error.h"
#include "nacre/data/sound/sound.h"

#ifdef NACRE_WITH_SOUND
#include <sndfile.h>
#endif

namespace nacre::data {
namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

std::string encode_wav(const Tensor& samples, int rate) {
  if (samples.dtype() != f32 || samples.rank() != 2 || rate < 1) {
    throw ShapeError(
        fmt::format("encode_wav: f32 [channels, n] and a rate expected, these are {} and {}",
                    to_string(samples.spec()), rate));
  }
  const std::int64_t channels = samples.size(0);
  const std::int64_t n = samples.size(1);
  const auto bytes = static_cast<std::uint64_t>(channels * n * 2);
  std::string out = "RIFF";
  put(out, 36 + bytes, 4);
  out += "WAVEfmt ";
  put(out, 16, 4);
  put(out, 1, 2);  // PCM
  put(out, static_cast<std::uint64_t>(channels), 2);
  put(out, static_cast<std::uint64_t>(rate), 4);
  put(out, static_cast<std::uint64_t>(rate * channels * 2), 4);
  put(out, static_cast<std::uint64_t>(channels * 2), 2);
  put(out, 16, 2);  // bits
  out += "data";
  put(out, bytes, 4);
  const Tensor here = samples.on_host();
  const auto x = here.data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float v = std::clamp(x[static_cast<std::size_t>(c * n + i)], -1.0f, 1.0f);
      put(out, static_cast<std::uint64_t>(std::lround(v * 32767)), 2);
    }
  }
  return out;
}

#ifdef NACRE_WITH_SOUND
namespace {

constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 28;

// libsndfile's view of bytes in memory.
struct Memory {
  Bytes bytes;
  sf_count_t at = 0;
};

sf_count_t length_of(void* user) {
  return static_cast<sf_count_t>(static_cast<Memory*>(user)->bytes.size());
}
sf_count_t seek_to(sf_count_t offset, int whence, void* user) {
  auto& m = *static_cast<Memory*>(user);
  const sf_count_t base = whence == SEEK_CUR ? m.at : whence == SEEK_END ? length_of(user) : 0;
  m.at = std::clamp<sf_count_t>(base + offset, 0, length_of(user));
  return m.at;
}
sf_count_t read_from(void* to, sf_count_t count, void* user) {
  auto& m = *static_cast<Memory*>(user);
  const sf_count_t n =
      std::clamp<sf_count_t>(length_of(user) - m.at, 0, std::max<sf_count_t>(count, 0));
  if (n > 0) std::memcpy(to, m.bytes.data() + m.at, static_cast<std::size_t>(n));
  m.at += n;
  return n;
}
sf_count_t tell_of(void* user) { return static_cast<Memory*>(user)->at; }

// libsndfile reads a shortened WAV without a word, so its own length field is looked at.
void check_riff_length(Bytes bytes, const std::string& name) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "RIFF", 4) != 0) return;
  std::uint64_t promised = 8;
  for (std::size_t i = 0; i < 4; ++i) {
    promised += std::to_integer<std::uint64_t>(bytes[4 + i]) << (8 * i);
  }
  // Streams of unknown length write the largest number.
  if (promised > bytes.size() + 1 && promised < 0xfffffff0ull) {
    throw_io(name, fmt::format("{} bytes are promised, {} are there", promised, bytes.size()),
             "the file is cut off");
  }
}

}  // namespace

bool have_sound() { return true; }

Sound decode_sound(Bytes bytes, const std::string& name) {
  if (bytes.empty()) throw_io(name, "the file is empty");
  check_riff_length(bytes, name);
  Memory memory{bytes};
  SF_VIRTUAL_IO io{length_of, seek_to, read_from, nullptr, tell_of};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> file(
      sf_open_virtual(&io, SFM_READ, &info, &memory), sf_close);
  if (!file) throw_io(name, fmt::format("no sound file: {}", sf_strerror(nullptr)));
  // The best packing here (silence as FLAC) stays far below 16384 samples a byte.
  if (info.channels < 1 || info.channels > 64 || info.samplerate < 1 || info.frames < 0 ||
      static_cast<std::uint64_t>(info.frames) > bytes.size() * 16384) {
    throw_io(name, fmt::format("{} channels of {} samples at {} Hz in {} bytes cannot be",
                               info.channels, info.frames, info.samplerate, bytes.size()));
  }
  // Read in pieces: the promised length is believed only as far as samples come.
  const auto channels = static_cast<std::size_t>(info.channels);
  if (static_cast<std::uint64_t>(info.frames) * channels > kMostSamples) {
    throw_io(name,
             fmt::format("{} channels of {} samples: a sound has at most 2^28 samples in all",
                         info.channels, info.frames),
             "cut it into parts");
  }
  std::vector<float> frames;
  std::vector<float> piece(65536 * channels);
  while (true) {
    const sf_count_t got = sf_readf_float(file.get(), piece.data(), 65536);
    if (got <= 0 || frames.size() > kMostSamples) break;
    frames.insert(
        frames.end(), piece.begin(),
        piece.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(got) * channels));
  }
  const std::size_t n = frames.size() / channels;
  if (static_cast<sf_count_t>(n) < info.frames) {
    throw_io(name, fmt::format("{} of {} samples can be read", n, info.frames),
             "the file is damaged or cut off");
  }
  Sound out{Tensor({f32, {info.channels, static_cast<std::int64_t>(n)}}), info.samplerate};
  const auto to = out.samples.mutable_data<float>();
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < n; ++i) {
      to[c * n + i] = frames[i * channels + c];
      if (std::isfinite(to[c * n + i])) continue;
      throw_io(name,
               fmt::format("sample {} of channel {} is {}: no finite number", i, c, to[c * n + i]));
    }
  }
  return out;
}

#else

bool have_sound() { return false; }

Sound decode_sound(Bytes, const std::string& name) {
  throw_io(name, "this program was built without sound", "build it with NACRE_WITH_SOUND=ON");
}

#endif

Sound read_sound(const std::filesystem::path& path) {
  const MappedFile file(path);
  return decode_sound(file.bytes(), path.string());
}

}  // namespace nacre::data
