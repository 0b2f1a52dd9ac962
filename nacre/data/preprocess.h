// Preprocess: how a file, a row or a text becomes the input of a model. It is written down with the
// data set, travels in the model file as JSON, and serves prediction.
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "nacre/data/files/folder.h"
#include "nacre/data/image/image.h"
#include "nacre/data/sound/sound.h"
#include "nacre/data/table/table.h"
#include "nacre/data/text/language.h"

namespace nacre::data {

// Pictures: resized, bytes to [0, 1], then (x - mean) / deviation per channel.
struct ImageForm {
  int channels = 3;         // 1 or 3
  std::int64_t height = 0;  // 0 with width 0: as the file has it
  std::int64_t width = 0;
  Fit fit = Fit::stretch;
  std::vector<double> mean = {};  // empty: 0 and 1
  std::vector<double> deviation = {};

  // f32 [channels, height, width].
  Tensor apply(const Tensor& image) const;
};

class Preprocess {
 public:
  using Form = std::variant<ImageForm, SoundForm, TableEncoder, TextEncoder, LanguageForm>;
  explicit Preprocess(Form form) : form_(std::move(form)) {}

  // Throws IoError naming `source` when the JSON is damaged or of an unknown kind.
  static Preprocess from_json(const std::string& text, const std::string& source);
  std::string to_json() const;
  // "image", "sound", "table", "text" or "language".
  std::string kind() const;

  // A file as inputs with a leading axis: one for a picture or sound, one a row for a CSV, one a
  // line for a text, one a piece for running text. A CSV is read as the encoder was taught to
  // (TableEncoder::csv_options); `warnings` gets what of it the encoder does not know. Throws
  // IoError.
  Tensor read(const std::filesystem::path& path,
              std::vector<std::string>* warnings = nullptr) const;
  // One text given by itself. Throws ValueError for other kinds.
  Tensor encode(const std::string& text) const;
  const Form& form() const { return form_; }

 private:
  Form form_;
};

// Pictures in FOLDER/[train|val|test/]CLASS/*.png|jpg|jpeg, decoded when asked for (put cache()
// behind it where it fits into memory). form.height = 0: the size of the first picture. Throws
// IoError when there are none.
Parts image_folder(const std::filesystem::path& folder, ImageForm form = {});
// Sounds in FOLDER/[train|val|test/]CLASS/*.wav|flac|ogg, or, when `by_prefix`, side by side with
// the class before the first '_' of the name. Inputs f32 [channels, length].
Parts sound_folder(const std::filesystem::path& folder, const SoundForm& form = {},
                   bool by_prefix = false);

}  // namespace nacre::data
