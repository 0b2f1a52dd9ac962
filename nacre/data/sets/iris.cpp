// Flowers by four lengths: Fisher, "The use of multiple measurements in taxonomic problems", 1936.
#include "nacre/data/sets/builtin.h"
#include "nacre/data/sets/builtin_data.h"
#include "nacre/data/sets/set_row.h"
#include "nacre/data/table/table.h"

namespace nacre::data {
namespace {

NamedSet load_iris(const std::filesystem::path&) {
  const Packed p = unpack_builtin(kIris, kIrisPacked, 150, {4});
  const auto values = p.features.to_vector<double>();
  Table table{.source = "iris", .columns = {}, .rows = 150};
  for (const char* name :
       {"sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"}) {
    Column column{.name = name};
    for (std::size_t i = table.columns.size(); i < values.size(); i += 4) {
      column.numbers.push_back(values[i] / 10);
    }
    table.columns.push_back(std::move(column));
  }
  const auto labels = p.labels.to_vector<std::int32_t>();
  table.columns.push_back({.name = "species",
                           .kind = Column::Kind::category,
                           .codes = {labels.begin(), labels.end()},
                           .categories = {"setosa", "versicolor", "virginica"}});
  const TableEncoder encoder = TableEncoder::fit(table, {.standardize = false});
  return with_test_part(encoder.encode(table), 0.2);
}

}  // namespace

const SetRow& iris_set() {
  static const SetRow row{.description = {.name = "iris",
                                          .what = "flowers, 4 measured lengths",
                                          .source = "inside the library (UCI; Fisher, 1936)",
                                          .licence = "CC BY 4.0",
                                          .train = 120,
                                          .test = 30,
                                          .classes = 3},
                          .load = load_iris};
  return row;
}

}  // namespace nacre::data
