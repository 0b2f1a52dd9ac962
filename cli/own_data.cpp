#include "cli/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/data/files/census.h"
#include "nacre/data/sets/named.h"

namespace nacre::cli {

// Rows of a table, or texts.
struct OwnData::Undivided {
  virtual ~Undivided() = default;
  // Learns from the rows `train`, or takes the form that is known; returns the size of the
  // vocabulary.
  virtual std::int64_t encode(const std::vector<std::int64_t>& train,
                              std::vector<data::Dataset*> parts,
                              const std::vector<std::string>& names,
                              const std::vector<std::vector<std::int64_t>>& rows,
                              const std::string& known, std::vector<std::string>* unseen) const = 0;
};

namespace {

namespace fs = std::filesystem;

bool has_folders(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) return true;
  }
  return false;
}

// Decoded files stay in memory where they fit, so that only the first epoch decodes.
data::Parts kept(data::Parts parts) {
  constexpr std::int64_t kMost = std::int64_t{2} << 30;
  const auto keep = [&](data::Dataset& set) {
    if (set.empty()) return;
    const Spec spec = set.input_specs().at(0);
    if (set.size() < kMost / std::max<std::int64_t>(1, 4 * spec.elements())) set = set.cache();
  };
  keep(parts.train);
  keep(parts.validation);
  keep(parts.test);
  return parts;
}

// As the first sound has it: its rate, and a spectrogram of the seconds asked for.
data::SoundForm sound_form(const fs::path& folder, const DataRecipe& recipe) {
  data::SoundForm form{.rate = 16000, .length = 0, .mono = true, .bands = 40};
  const std::vector<fs::path> files = files_of(folder);
  if (!files.empty()) form.rate = data::read_sound(files.front()).rate;
  form.length = static_cast<std::int64_t>(recipe.sound_seconds * form.rate);
  return form;
}

data::Info named(std::string name, std::vector<std::string> class_names) {
  data::Info info;
  info.name = std::move(name);
  info.class_names = std::move(class_names);
  return info;
}

// Columns that are left out hold what they may.
data::CsvOptions csv_options(const DataRecipe& recipe) {
  data::CsvOptions options;
  options.types = data::column_types(recipe.types);
  for (const std::string& name : recipe.leave_out) {
    options.types.emplace(name, data::ColumnType::category);
  }
  if (!recipe.default_missing) options.missing = {""};
  options.missing.insert(options.missing.end(), recipe.missing.begin(), recipe.missing.end());
  using Header = data::CsvOptions::Header;
  if (recipe.header == "present") options.header = Header::present;
  if (recipe.header == "absent") options.header = Header::absent;
  return options;
}

// What was found out about a table that its user should know.
Findings look_at(const data::Table& table, const data::TableTarget& target,
                 const DataRecipe& recipe) {
  Findings out;
  out.warnings = table.warnings;
  std::int64_t counts[2] = {0, 0};
  std::vector<std::string> gaps;
  for (const data::Column& c : table.columns) {
    const auto& left = recipe.leave_out;
    if (std::find(left.begin(), left.end(), c.name) != left.end()) continue;
    for (const std::string& w : c.warnings) {
      out.warnings.push_back(fmt::format("column \"{}\": {}", c.name, w));
    }
    if (c.name == target.name) continue;
    ++counts[c.kind == data::Column::Kind::category ? 1 : 0];
    if (c.missing > 0) gaps.push_back(fmt::format("{} {}", c.name, c.missing));
  }
  out.notes.push_back(
      fmt::format("{} rows: {} columns of numbers, {} of categories; target \"{}\"{}: {}",
                  table.rows, counts[0], counts[1], target.name,
                  recipe.target.empty() ? " (the last column)" : "", target.why));
  if (!gaps.empty()) {
    const std::size_t all = gaps.size();
    gaps.resize(std::min<std::size_t>(all, 10));
    out.notes.push_back(
        fmt::format("missing cells, numbers at the mean and categories as none: {}{}",
                    fmt::join(gaps, ", "), all > 10 ? ", ..." : ""));
  }
  const auto without = table.rows - static_cast<std::int64_t>(target.rows.size());
  if (without > 0) {
    std::int64_t first = 0;
    while (first < static_cast<std::int64_t>(target.rows.size()) &&
           target.rows[static_cast<std::size_t>(first)] == first) {
      ++first;
    }
    out.warnings.push_back(
        fmt::format("{} of {} rows have no target and are left out, the first of them data row {}",
                    without, table.rows, first + 1));
  }
  return out;
}

void expect_classes(const std::string& source, const std::vector<std::string>& names,
                    const std::string& hint) {
  if (names.size() != 1) return;
  throw IoError(format_error(
      {.op = source,
       .what = fmt::format("has one class only (\"{}\"): there is nothing to tell apart",
                           shortened(printable(names[0]), 60)),
       .hint = hint}));
}

data::TableOptions table_options(const DataRecipe& recipe) {
  data::TableOptions options{.target = recipe.target, .leave_out = recipe.leave_out};
  if (recipe.task == "classification") options.task = data::TableOptions::Task::classes;
  if (recipe.task == "regression") options.task = data::TableOptions::Task::values;
  return options;
}

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

// What the JSON of a run says of how its data is read.
template <class Form>
Form form_of(const std::string& preprocessing) {
  const auto read = data::Preprocess::from_json(preprocessing, "the run's preprocessing");
  if (const auto* form = std::get_if<Form>(&read.form())) return *form;
  throw IoError("the run's preprocessing: it is for another kind of data (" + read.kind() + ")");
}

// Samples that are numbers of rows, with their targets.
data::Dataset numbers_of(const std::vector<std::int64_t>& rows, Tensor targets,
                         const data::Info& info) {
  return data::Dataset::from({Tensor::from(rows)}, {std::move(targets)}, info);
}

}  // namespace

struct OwnTable final : OwnData::Undivided {
  data::Table table;
  data::TableOptions options;

  std::int64_t encode(const std::vector<std::int64_t>& train, std::vector<data::Dataset*> parts,
                      const std::vector<std::string>& names,
                      const std::vector<std::vector<std::int64_t>>& rows, const std::string& known,
                      std::vector<std::string>* unseen) const override {
    const auto encoder = known.empty() ? data::TableEncoder::fit(table.select(train), options)
                                       : form_of<data::TableEncoder>(known);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::vector<std::string> warnings;
      *parts[i] = encoder.encode(table.select(rows[i]), &warnings);
      for (const std::string& w : warnings) {
        if (unseen) unseen->push_back(fmt::format("{} rows: {}", names[i], w));
      }
    }
    return 0;
  }
};

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

OwnData::OwnData(const DataRecipe& recipe, const std::string& preprocessing) {
  const fs::path path = recipe.path;
  const bool folder = fs::is_directory(path);
  using data::FileKind;
  FileKind kind = FileKind::other;
  if (folder) {
    const data::Census census = data::take_census(path);
    kind = census.kind;
    if (const std::string rest = census.left_out(); !rest.empty()) {
      findings_.warnings.push_back("left out: " + rest);
    }
  }
  if (kind == FileKind::picture || kind == FileKind::sound) {
    if (kind == FileKind::sound) {
      const auto form = preprocessing.empty() ? sound_form(path, recipe)
                                              : form_of<data::SoundForm>(preprocessing);
      parts_ = kept(data::sound_folder(path, form, !has_folders(path)));
    } else {
      data::ImageForm form;
      form.height = form.width = recipe.image_size;
      if (!preprocessing.empty()) form = form_of<data::ImageForm>(preprocessing);
      parts_ = kept(data::image_folder(path, form));
    }
    findings_.warnings.insert(findings_.warnings.end(), parts_.warnings.begin(),
                              parts_.warnings.end());
    expect_classes(recipe.path, parts_.train.info().class_names,
                   "each class has a folder of its own; is one of the folders within meant?");
    return;
  }
  if (!is_table(path)) {
    auto own = std::make_unique<OwnTexts>();
    own->texts = read_texts(path);
    own->name = path.string();
    own->length = recipe.text_length;
    const data::Info info = named(own->name, own->texts.all.class_names);
    expect_classes(own->name, info.class_names,
                   folder
                       ? "each class has a folder of its own; is one of the folders within meant?"
                       : "the class stands before the tab of each line");
    const auto all = static_cast<std::int64_t>(own->texts.all.texts.size());
    const auto part = [&](std::int64_t begin, std::int64_t end) {
      if (begin == end) return data::Dataset();
      const auto& labels = own->texts.all.labels;
      return numbers_of(
          range(begin, end),
          Tensor::from(std::vector<std::int64_t>(labels.begin() + begin, labels.begin() + end)),
          info);
    };
    parts_ = {
        .train = part(0, own->texts.train), .validation = {}, .test = part(own->texts.train, all)};
    undivided_ = std::move(own);
    return;
  }
  auto own = std::make_unique<OwnTable>();
  own->table = read_table(recipe);
  if (own->table.rows < 2) {
    throw IoError(format_error({.op = own->table.source,
                                .what = "has one row of data: there is nothing to learn from it",
                                .hint = "a row of names alone counts as data"}));
  }
  own->options = table_options(recipe);
  const data::TableTarget target = data::target_of(own->table, own->options);
  if (target.rows.empty()) {
    throw IoError(
        fmt::format("{}: no row has a value in the target \"{}\"", own->table.source, target.name));
  }
  findings_ = look_at(own->table, target, recipe);
  expect_classes(
      own->table.source, target.class_names,
      fmt::format("the target is \"{}\": is another column meant (data.target)?", target.name));
  own->options.target = target.name;
  own->options.classes = target.class_names;
  own->options.task = target.class_names.empty() ? data::TableOptions::Task::values
                                                 : data::TableOptions::Task::classes;
  parts_.train =
      numbers_of(target.rows, target.values, named(own->table.source, target.class_names));
  undivided_ = std::move(own);
}

OwnData::~OwnData() = default;

bool is_table(const fs::path& path) {
  return !fs::is_directory(path) && path.extension() != ".txt";
}

data::Table read_table(const DataRecipe& recipe, std::vector<std::string>* problems) {
  data::CsvOptions options = csv_options(recipe);
  options.problems = problems;
  return data::read_csv(recipe.path, options);
}

std::int64_t OwnData::encode(data::Dataset& train, data::Dataset& validation, data::Dataset& test,
                             const std::string& preprocessing,
                             std::vector<std::string>* unseen) const {
  if (!undivided_) return 0;
  std::vector<data::Dataset*> parts;
  std::vector<std::string> names;
  std::vector<std::vector<std::int64_t>> rows;
  const auto add = [&](data::Dataset& part, const char* name) {
    if (part.empty()) return;
    parts.push_back(&part);
    names.emplace_back(name);
    rows.push_back(part.all().inputs[0].to_vector<std::int64_t>());
  };
  add(train, "training");
  add(validation, "validation");
  add(test, "test");
  return undivided_->encode(rows.at(0), parts, names, rows, preprocessing, unseen);
}

std::vector<fs::path> files_of(const fs::path& folder) {
  return data::files_below(folder, data::take_census(folder).kind);
}

data::Dataset read_as(const data::Preprocess& form, const std::vector<std::string>& class_names,
                      const std::string& path, std::vector<std::string>* warnings) {
  if (const auto* encoder = std::get_if<data::TableEncoder>(&form.form())) {
    const data::Table table = data::read_csv(path, encoder->csv_options());
    const data::Dataset rows = encoder->encode(table, warnings);
    if (rows.target_specs().empty()) {
      throw IoError(
          fmt::format("{}: has no column \"{}\" to compare with", path, encoder->target()));
    }
    return rows;
  }
  data::Parts parts;
  if (const auto* picture = std::get_if<data::ImageForm>(&form.form())) {
    parts = data::image_folder(path, *picture);
  } else if (const auto* sound = std::get_if<data::SoundForm>(&form.form())) {
    parts = data::sound_folder(path, *sound, !has_folders(path));
  } else {
    Texts texts = read_texts(path);
    data::LabelledText known{{}, {}, class_names};
    append(known, texts.all, path);
    return data::text_set(known, std::get<data::TextEncoder>(form.form()));
  }
  if (warnings) warnings->insert(warnings->end(), parts.warnings.begin(), parts.warnings.end());
  const data::Dataset set = parts.test.empty() ? parts.train : parts.test;
  if (set.info().class_names != class_names) {
    throw IoError(fmt::format("{}: its classes are {}, the model knows {}", path,
                              fmt::join(set.info().class_names, ", "),
                              fmt::join(class_names, ", ")));
  }
  return set;
}

}  // namespace nacre::cli
