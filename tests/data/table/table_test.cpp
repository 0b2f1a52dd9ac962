#include "nacre/data/table/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nacre/base/error.h"
#include "nacre/data/files/encoding.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;
using Texts = std::vector<std::string>;
using Floats = std::vector<float>;

Table parse(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(bytes_of(text), "t", options);
}

TEST(Csv, TypesHeaderAndMissing) {
  const Table t = parse("size, colour ,n\n1.5,red,1\n?, blue,2\n-3e2,red,\n");
  ASSERT_EQ(t.columns.size(), 3u);
  EXPECT_EQ(t.rows, 3);
  EXPECT_EQ(t.columns[0].name, "size");
  EXPECT_EQ(t.columns[0].numbers[2], -300);
  EXPECT_TRUE(std::isnan(t.columns[0].numbers[1]));
  EXPECT_EQ(t.columns[0].missing, 1);
  EXPECT_EQ(t.column("colour").categories, (Texts{"blue", "red"}));
  EXPECT_EQ(t.column("colour").codes, (std::vector<std::int32_t>{1, 0, 1}));
  expect_error<ValueError>([&] { t.column("color"); }, {"did you mean \"colour\""});
}

TEST(Csv, HeaderIsGuessed) {
  EXPECT_EQ(parse("1,a\n2,b\n").rows, 2);
  EXPECT_EQ(parse("1,a\n2,b\n").columns[0].name, "column 1");
  EXPECT_EQ(parse("x,y\n2,b\n").rows, 1);
  EXPECT_EQ(parse("name,kind\na,b\nc,b\n").rows, 2);  // texts that do not come again
  EXPECT_EQ(parse("a,b\nc,b\n").rows, 2);
  EXPECT_EQ(parse("1,2\n3,4\n", {.header = CsvOptions::Header::present}).columns[1].name, "2");
  EXPECT_EQ(parse("a,b\n1,2\n", {.header = CsvOptions::Header::absent}).rows, 2);
}

TEST(Csv, QuotesSeparatorsAndLineEnds) {
  const Table t = parse("a;b\r\n\"x;\"\"y\"\"\nz\" ; 2\r\n\r\nq;3");
  EXPECT_EQ(t.rows, 2);
  EXPECT_EQ(t.columns[0].categories, (Texts{"q", "x;\"y\"\nz"}));
  EXPECT_EQ(t.columns[1].numbers, (std::vector<double>{2, 3}));
  EXPECT_EQ(parse("a\tb\n1\t2\n").columns.size(), 2u);
  EXPECT_EQ(parse("a|b\n1|2\n").columns.size(), 2u);
  EXPECT_EQ(parse("# note\n1,2\n", {.comment = '#'}).rows, 1);
  EXPECT_EQ(parse("1\r2\r3").rows, 3);
}

TEST(Csv, Encodings) {
  const std::string utf8 = "K\xc3\xa4se";
  const auto name = [](const std::string& bytes) {
    return parse(bytes + "\n").columns[0].categories[0];
  };
  EXPECT_EQ(name(utf8), utf8);
  EXPECT_EQ(name("\xef\xbb\xbf" + utf8), utf8);
  EXPECT_EQ(name("K\xe4se"), utf8);
  std::string little("\xff\xfe", 2);
  std::string big("\xfe\xff", 2);
  for (const unsigned char c : std::string("K\xe4se\n")) {
    little += {static_cast<char>(c), '\0'};
    big += {'\0', static_cast<char>(c)};
  }
  EXPECT_EQ(parse(little).columns[0].categories[0], utf8);
  EXPECT_EQ(parse(big).columns[0].categories[0], utf8);
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_EQ(characters("a\xc3\xa4\xf0\x9f\x98\x80").size(), 3u);
}

TEST(Csv, ErrorsNameRowAndColumn) {
  expect_error<IoError>([] { parse("a,b\n1,2\n\n3\n"); }, {"t: row 4", "1 columns", "has 2"});
  expect_error<IoError>([] { parse("a,b\n1,\"2\n"); }, {"row 2, column 2", "never closed"});
  expect_error<IoError>([] { parse("a,b\n1,\"2\"3\n"); }, {"row 2, column 2", "separator"});
  expect_error<IoError>(
      [] {
        parse("a,b\n1,2\n3,x\n", {.types = {{"b", ColumnType::number}}});
      },
      {"row 3, column 2 (b)", "\"x\""});
  expect_error<IoError>([] { parse("a,a\n1,2\n", {.header = CsvOptions::Header::present}); },
                        {"row 1", "two columns"});
  expect_error<IoError>([] { parse("\n \n"); }, {"empty"});
  expect_error<IoError>([] { parse(std::string("1,\0", 3)); }, {"byte 2 is zero"});
  EXPECT_THROW(parse("a,b\n1,2\n", {.types = {{"c", ColumnType::category}}}), ValueError);
}

TEST(Csv, DamageIsAnIoError) {
  test::batter("size,colour\n1.5,\"re\"\"d\"\n?,blue\n-3e2,red\n",
               [](const std::string& b) { parse(b); });
}

TEST(TableEncoder, StandardisesAndMakesOneHot) {
  const Table t = parse("x,colour,y\n1,red,yes\n3,blue,no\n?,?,yes\n5,red,?\n");
  const TableEncoder encoder = TableEncoder::fit(t);
  EXPECT_EQ(encoder.features(), 3);
  EXPECT_EQ(encoder.feature_names(), (Texts{"x", "colour=blue", "colour=red"}));
  EXPECT_EQ(encoder.class_names(), (Texts{"no", "yes"}));
  const Batch all = encoder.encode(t).all();
  const float d = std::sqrt(8.0f / 3);
  ASSERT_EQ(all.size(), 3);  // the last row has no target
  const Floats x = all.inputs[0].to_vector<float>();
  const Floats want = {-2 / d, 0, 1, 0, 1, 0, 0, 0, 0};
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(x[i], want[i], 1e-6) << i;
  EXPECT_EQ(all.targets[0].to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_NEAR(encoder.encode_row(Texts{"5", "red"}).to_vector<float>()[0], 2 / d, 1e-6);
  expect_error<ValueError>([&] { encoder.encode_row(Texts{"five", "red"}); }, {"field 1 (x)"});
  expect_error<ValueError>([&] { encoder.encode_row(Texts{"5"}); }, {"2 fields"});
  expect_error<IoError>([&] { encoder.encode(parse("x,colour,y\n1,red,maybe\n")); },
                        {"data row 1", "\"maybe\""});
  const TableEncoder back = TableEncoder::from_json(encoder.to_json(), "m");
  EXPECT_EQ(back.encode(t).all().inputs[0].to_vector<float>(), x);
  EXPECT_THROW(TableEncoder::from_json("{\"inputs\":3}", "m"), IoError);
}

TEST(TableEncoder, TargetsOfNumbers) {
  EXPECT_EQ(TableEncoder::fit(parse("1.5,0\n2,1\n")).class_names(), (Texts{"0", "1"}));
  const Table values = parse("1,0.5\n2,1\n");
  EXPECT_FALSE(TableEncoder::fit(values).predicts_classes());
  EXPECT_EQ(TableEncoder::fit(values).encode(values).target_specs()[0], (Spec{f32, {1}}));
  EXPECT_FALSE(TableEncoder::fit(parse("1,0\n2,1\n"), {.task = TableOptions::Task::values})
                   .predicts_classes());
  EXPECT_EQ(TableEncoder::fit(values, {.has_target = false}).features(), 2);
  EXPECT_EQ(
      TableEncoder::fit(parse("a,b,c\n1,2,3\n"), {.target = "a", .leave_out = {"b"}}).features(),
      1);
  std::string dates;
  for (int i = 0; i < 300; ++i) dates.append("d").append(std::to_string(i)).append(",1\n");
  expect_error<IoError>([&] { TableEncoder::fit(parse(dates)); }, {"300", "leave it out"});
}

TEST(TableEncoder, SelectsRows) {
  const Table t = parse("x,colour,y\n1,red,5.5\n?,blue,6.5\n3,?,7.5\n4,green,8.5\n");
  const Table part = t.select(std::vector<std::int64_t>{3, 1, 2});
  EXPECT_EQ(part.rows, 3);
  EXPECT_EQ(part.columns[0].numbers[0], 4);
  EXPECT_EQ(part.columns[0].missing, 1);
  EXPECT_EQ(part.columns[1].categories, (Texts{"blue", "green"}));
  EXPECT_EQ(part.columns[1].codes, (std::vector<std::int32_t>{1, 0, -1}));
  EXPECT_EQ(part.columns[1].missing, 1);
  EXPECT_EQ(t.select({}).rows, 0);
  // Classes that only other rows have are known when they are given.
  const Table kinds = parse("x,k\n1,a\n2,b\n3,?\n");
  const TableTarget target = target_of(kinds);
  EXPECT_EQ(target.rows, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(target.values.to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1}));
  const Table first = kinds.select(std::vector<std::int64_t>{0});
  expect_error<IoError>([&] { TableEncoder::fit(first).encode(kinds); },
                        {"\"b\"", "not known, known is a"});
  EXPECT_EQ(TableEncoder::fit(first, {.classes = target.class_names}).encode(kinds).size(), 2);
}

TEST(TableEncoder, RealTables) {
  NACRE_NEED_PANTRY(folder, "csv");
  const Table adult = read_csv(folder / "adult-train.csv");
  EXPECT_EQ(adult.rows, 32561);
  EXPECT_EQ(adult.columns.size(), 15u);
  EXPECT_EQ(adult.columns[1].missing, 1836);
  const TableEncoder encoder = TableEncoder::fit(adult);
  EXPECT_EQ(encoder.class_names(), (Texts{"<=50K", ">50K"}));
  EXPECT_EQ(encoder.encode(adult).size(), 32561);
  const Table passengers = read_csv(folder / "airline-passengers.csv");
  EXPECT_EQ(passengers.columns[1].name, "Passengers");
  EXPECT_EQ(passengers.rows, 144);
  EXPECT_EQ(read_csv(folder / "iris.csv").rows, 150);
}

}  // namespace
}  // namespace nacre::data
