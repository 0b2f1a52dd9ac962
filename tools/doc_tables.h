// What is made from the tables and folders of the program: tables of the documentation, each in its
// page between <!-- table NAME, made by `make docs` --> and <!-- end -->, and nacre/nn/api.h.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nacre/data/sets/set_row.h"
#include "nacre/optim/optimizers.h"
#include "nacre/zoo/layer_spec.h"
#include "tools/ops_table.h"

namespace nacre {

inline std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string sets_table() {
  std::string rows =
      "| name | samples | what | classes | from | licence |\n|---|---|---|---|---|---|\n";
  for (const data::SetDescription& set : data::named_sets()) {
    fmt::format_to(std::back_inserter(rows), "| `{}` | {} + {} | {} | {} | {} | {} |\n", set.name,
                   set.train, set.test, set.what, set.classes, set.source, set.licence);
  }
  return rows;
}

inline std::string optimizers_table() {
  std::string rows = "| name | options and their defaults | from |\n|---|---|---|\n";
  for (const optim::OptimizerDescription& optimizer : optim::optimizers()) {
    std::string options;
    for (const optim::OptionDescription& option : optimizer.options) {
      options += (options.empty() ? "`" : ", `") + option.name + " = " + option.standard + "`";
    }
    fmt::format_to(std::back_inserter(rows), "| `{}` | {} | {} |\n", optimizer.name, options,
                   optimizer.paper);
  }
  return rows;
}

// Types with the same keys share a row.
inline std::string layers_table() {
  std::vector<std::pair<std::string, std::string>> rows;  // keys, types
  for (const zoo::LayerRow& layer : zoo::layer_rows()) {
    std::string keys;
    for (const auto& [key, standard] : layer.keys()) {
      keys += (keys.empty() ? "`" : ", `") + key + "`";
      if (!standard.empty()) keys += " (" + standard + ")";
    }
    const auto same =
        std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == keys; });
    if (same == rows.end()) {
      rows.emplace_back(keys, "`" + layer.type + "`");
    } else {
      same->second += ", `" + layer.type + "`";
    }
  }
  std::string text = "| type | keys (default) |\n|---|---|\n";
  for (const auto& [keys, types] : rows) text += "| " + types + " | " + keys + " |\n";
  return text;
}

inline std::string table_of(const std::string& name) {
  if (name == "sets") return sets_table();
  if (name == "optimizers") return optimizers_table();
  if (name == "layers") return layers_table();
  throw std::runtime_error("no table is called " + name);
}

// The page with its tables as they should be.
inline std::string with_tables(const std::string& page) {
  const std::string open = "<!-- table ";
  const std::string close = "<!-- end -->";
  std::string out;
  std::size_t at = 0;
  for (std::size_t begin; (begin = page.find(open, at)) != page.npos;) {
    const std::size_t line_end = page.find('\n', begin) + 1;
    const std::size_t end = page.find(close, line_end);
    if (line_end == 0 || end == page.npos) throw std::runtime_error("a table does not end");
    const std::size_t name = begin + open.size();
    out += page.substr(at, line_end - at);
    out += "\n" + table_of(page.substr(name, page.find_first_of(", ", name) - name)) + "\n";
    at = end;
  }
  return out + page.substr(at);
}

// nacre/nn/api.h: the headers of that folder, but for field.h, which options include.
inline std::string all_layers(const std::string& root) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(root + "/nacre/nn")) {
    const std::string name = file.path().filename().string();
    if (name.ends_with(".h") && name != "api.h" && name != "field.h") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::string text =
      "// All layers. Made by `make docs` from the headers beside it.\n#pragma once\n\n";
  for (const std::string& name : names) text += "#include \"nacre/nn/" + name + "\"\n";
  return text;
}

// Every file that is made, with what it should hold; `root` is the repository's.
inline std::vector<std::pair<std::string, std::string>> made_files(const std::string& root) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"docs/ops.md", ops_markdown()},
      {"nacre/nn/api.h", all_layers(root)},
  };
  for (const std::string page : {"docs/data.md", "docs/training.md", "docs/recipes.md"}) {
    files.emplace_back(page, with_tables(content_of(root + "/" + page)));
  }
  return files;
}

}  // namespace nacre
