// Sound: files as waveforms, other sampling rates, spectrograms.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "nacre/base/file.h"
#include "nacre/data/transform.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

struct Sound {
  Tensor samples;  // f32 [channels, n] in [-1, 1]
  int rate = 0;    // samples a second
};

// Reads what libsndfile knows: WAV, FLAC, OGG, AIFF, MP3. Throws IoError when it is something else,
// damaged or cut off, holds numbers that are not finite, or more than 2^28 samples.
Sound read_sound(const std::filesystem::path& path);
Sound decode_sound(Bytes bytes, const std::string& name);
// A 16-bit WAV of f32 [channels, n]; values beyond [-1, 1] are cut.
std::string encode_wav(const Tensor& samples, int rate);

// To another rate, by a sinc with a Hann window of 32 zero crossings, narrowed to the lower rate so
// that nothing folds back. f32 [channels, n] to [channels, round(n to / from)].
Tensor resample(const Tensor& samples, int from, int to);

// What a model hears of a file.
struct SoundForm {
  int rate = 16000;
  std::int64_t length =
      16000;         // samples: longer sounds lose their end, shorter get zeros; 0: as is
  bool mono = true;  // the mean of the channels
  // Above 0: f32 [channels, bands, frames], the mel spectrogram (mel_step) of windows of about 32
  // ms every 10 ms, moved so that silence is 0 and full power about 1.
  int bands = 0;
};
// Throws ValueError for a rate below 1 (100 with bands), or a negative length or number of bands.
Tensor shape_sound(const Sound& sound, const SoundForm& form);

// f32 [channels, n] to the logarithm of mel-scaled power f32 [channels, bands, frames], frames
// every `hop` samples of `window` samples (a power of two, Hann); log(power + 1e-6). The mel scale
// is 2595 log10(1 + f / 700), bands are triangles from 0 to half the rate.
struct MelOptions {
  int rate = 16000;
  int window = 512;
  int hop = 160;
  int bands = 64;
};
std::shared_ptr<const Transform> mel_step(const MelOptions& options);

// Whether this program can read sound files (built with NACRE_WITH_SOUND).
bool have_sound();

}  // namespace nacre::data
