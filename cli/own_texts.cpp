// The user's own texts, each with its class.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/undivided.h"
#include "nacre/data/files/census.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

// Texts of the training part, then those of the test part where there is one.
struct Texts {
  data::LabelledText all;
  std::int64_t train = 0;
};

void append(data::LabelledText& to, const data::LabelledText& from, const std::string& source) {
  std::vector<std::int64_t> number;  // of each class of `from`
  for (const std::string& name : from.class_names) {
    const auto found = std::find(to.class_names.begin(), to.class_names.end(), name);
    if (found == to.class_names.end()) {
      throw IoError(fmt::format("{}: the class \"{}\" is not among {}", source, name,
                                fmt::join(to.class_names, ", ")));
    }
    number.push_back(found - to.class_names.begin());
  }
  for (std::size_t i = 0; i < from.texts.size(); ++i) {
    to.texts.push_back(from.texts[i]);
    to.labels.push_back(number[static_cast<std::size_t>(from.labels[i])]);
  }
}

// FOLDER/CLASS/*.txt, or a file of lines "class, tab, text".
Texts read_texts(const fs::path& path) {
  Texts out;
  if (!fs::is_directory(path)) {
    out.all = data::read_labelled_lines(path);
    if (out.all.texts.empty()) throw IoError(path.string() + ": no texts: the file is empty");
    out.train = static_cast<std::int64_t>(out.all.texts.size());
    return out;
  }
  const data::PartFolders folders = data::find_parts(path);
  out.all = data::read_text_folder(folders.train);
  if (!folders.validation.empty()) {
    append(out.all, data::read_text_folder(folders.validation), folders.validation.string());
  }
  out.train = static_cast<std::int64_t>(out.all.texts.size());
  if (!folders.test.empty()) {
    append(out.all, data::read_text_folder(folders.test), folders.test.string());
  }
  return out;
}

// Tokens that hold all of 95 in 100 texts, at most 512.
std::int64_t usual_length(const std::vector<std::string>& texts) {
  const data::TextEncoder splitter = data::TextEncoder::fit({});
  std::vector<std::int64_t> lengths;
  for (const std::string& t : texts) {
    lengths.push_back(static_cast<std::int64_t>(splitter.tokens(t).size()));
  }
  const auto place = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() * 95 / 100);
  std::nth_element(lengths.begin(), place, lengths.end());
  return std::clamp<std::int64_t>(*place, 8, 512);
}

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = begin; i < end; ++i) out.push_back(i);
  return out;
}

struct OwnTexts final : OwnData::Undivided {
  Texts texts;
  std::string name;
  std::int64_t length = 0;

  data::LabelledText select(const std::vector<std::int64_t>& rows) const {
    data::LabelledText out{{}, {}, texts.all.class_names};
    for (const std::int64_t r : rows) {
      out.texts.push_back(texts.all.texts[static_cast<std::size_t>(r)]);
      out.labels.push_back(texts.all.labels[static_cast<std::size_t>(r)]);
    }
    return out;
  }
  data::TextEncoder learn(const std::vector<std::string>& from) const {
    return data::TextEncoder::fit(from, {.length = length > 0 ? length : usual_length(from),
                                         .least_count = from.size() > 1000 ? 2 : 1});
  }
  std::int64_t encode(const std::vector<std::int64_t>& train, std::vector<data::Dataset*> parts,
                      const std::vector<std::string>&,
                      const std::vector<std::vector<std::int64_t>>& rows, const std::string& known,
                      std::vector<std::string>*) const override {
    const auto encoder =
        known.empty() ? learn(select(train).texts) : form_of<data::TextEncoder>(known);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      data::Dataset set = data::text_set(select(rows[i]), encoder);
      data::Info info = set.info();
      info.name = name;
      *parts[i] = set.with_info(info);
    }
    return encoder.size();
  }
};

}  // namespace

std::unique_ptr<OwnData::Undivided> open_texts(const DataRecipe& recipe, data::Parts& parts) {
  const fs::path path = recipe.path;
  auto own = std::make_unique<OwnTexts>();
  own->texts = read_texts(path);
  own->name = path.string();
  own->length = recipe.text_length;
  const data::Info info = named_info(own->name, own->texts.all.class_names);
  expect_classes(
      own->name, info.class_names,
      fs::is_directory(path) ? kFolderHint : "the class stands before the tab of each line");
  const auto all = static_cast<std::int64_t>(own->texts.all.texts.size());
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    if (begin == end) return data::Dataset();
    const auto& labels = own->texts.all.labels;
    return numbered(
        range(begin, end),
        {Tensor::from(std::vector<std::int64_t>(labels.begin() + begin, labels.begin() + end))},
        info);
  };
  parts = {
      .train = part(0, own->texts.train), .validation = {}, .test = part(own->texts.train, all)};
  return own;
}

data::Dataset read_texts_as(const data::TextEncoder& encoder,
                            const std::vector<std::string>& class_names, const std::string& path) {
  data::LabelledText known{{}, {}, class_names};
  append(known, read_texts(path).all, path);
  return data::text_set(known, encoder);
}

}  // namespace nacre::cli
