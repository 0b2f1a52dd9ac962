// What a table is taken for is said; what cannot be meant is refused with its row.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>

#include "nacre/base/error.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/table/table.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;
using Texts = std::vector<std::string>;
using Kind = Column::Kind;

Table parse(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(bytes_of(text), "t", options);
}

// "x,kind" with 40 numbers, one of which is `odd`, in row 12.
std::string numbers_with(const std::string& odd, const std::string& header = "x,kind\n") {
  std::string out = header;
  for (int i = 0; i < 40; ++i) {
    out += (i == 10 ? odd : std::to_string(i) + ".5") + (i % 2 ? ",a\n" : ",b\n");
  }
  return out;
}

void expect_warning(const Texts& warnings, std::initializer_list<const char*> parts) {
  std::string all;
  for (const std::string& w : warnings) all += w + "\n";
  for (const char* part : parts)
    EXPECT_NE(all.find(part), std::string::npos) << part << ": " << all;
}

TEST(Schema, WordsForNothingAmongNumbersAreMissing) {
  for (const char* word : {"-", "--", "none", "n.a.", "Unknown", "\xe2\x80\x94", "#VALUE!"}) {
    const Table t = parse(numbers_with(word));
    ASSERT_EQ(t.columns[0].kind, Kind::number) << word;
    EXPECT_EQ(t.columns[0].missing, 1);
    EXPECT_TRUE(std::isnan(t.columns[0].numbers[10]));
    expect_warning(t.columns[0].warnings, {word, "missing", "row 12"});
  }
  EXPECT_TRUE(parse(numbers_with("NA")).columns[0].warnings.empty());
  EXPECT_NE(parse(numbers_with("NA")).columns[0].why.find("row 12: \"NA\""), std::string::npos);
}

TEST(Schema, ATextAmongManyNumbersIsRefused) {
  for (const char* word : {"abc", "12x", "1.2.3", "0x10", "1e", "--5"}) {
    expect_error<IoError>([&] { parse(numbers_with(word)); },
                          {"t: row 12, column 1 (x)", word, "39 of 40", "data.missing"});
    EXPECT_EQ(parse(numbers_with(word), {.missing = {"", word}}).columns[0].missing, 1);
    const Table texts = parse(numbers_with(word), {.types = {{"x", ColumnType::category}}});
    EXPECT_EQ(texts.columns[0].categories.size(), 40u);
    expect_error<IoError>(
        [&] {
          parse(numbers_with(word), {.types = {{"x", ColumnType::number}}});
        },
        {"row 12, column 1 (x)", "a number expected"});
  }
  // Few different whole numbers may be categories, and are said to be.
  std::string grades = "grade,y\n";
  for (int i = 0; i < 30; ++i) grades += std::to_string(i % 5) + (i % 2 ? ",a\n" : ",b\n");
  const Table t = parse(grades + "absent,a\n");
  EXPECT_EQ(t.columns[0].kind, Kind::category);
  expect_warning(t.columns[0].warnings, {"30 of 31", "row 32", "absent", "grade=number"});
}

TEST(Schema, NumbersAreFinite) {
  for (const char* word : {"inf", "-Infinity", "1e400", "-1e999", "+inf"}) {
    expect_error<IoError>([&] { parse(numbers_with(word)); },
                          {"row 12, column 1 (x)", word, "finite"});
  }
  EXPECT_EQ(parse(numbers_with("1e-400")).columns[0].numbers[10], 0);
  // Where they come by other ways, and beyond f32.
  Table t = parse("x,y\n1,0.5\n2,1.5\n3,2.5\n");
  t.columns[0].numbers[1] = HUGE_VAL;
  expect_error<IoError>([&] { TableEncoder::fit(t); }, {"t: data row 2, column \"x\""});
  Table big = parse("x,y\n1,0.5\n2,1e39\n3,2.5\n");
  expect_error<IoError>([&] { target_of(big); }, {"data row 2, column \"y\"", "f32"});
  const TableEncoder plain = TableEncoder::fit(big, {.target = "x", .standardize = false});
  expect_error<IoError>([&] { plain.encode(big); }, {"data row 2, column \"y\"", "1e+39"});
  EXPECT_THROW(plain.encode_row(Texts{"1e39"}), ValueError);
  EXPECT_THROW(plain.encode_row(Texts{"inf"}), ValueError);
}

TEST(Schema, WaysToWriteNumbers) {
  const auto column = [](const std::string& cells) { return parse("x;y\n" + cells).columns[0]; };
  const Column comma = column("1,5;a\n-1.234,25;b\n7;c\n");
  EXPECT_EQ(comma.type, ColumnType::decimal_comma);
  EXPECT_EQ(comma.numbers, (std::vector<double>{1.5, -1234.25, 7}));
  const Column thousands = column("1,234.5;a\n1,234,567;b\n7;c\n");
  EXPECT_EQ(thousands.type, ColumnType::thousands);
  EXPECT_EQ(thousands.numbers, (std::vector<double>{1234.5, 1234567, 7}));
  EXPECT_EQ(column("1 234;a\n12 345.5;b\n").numbers, (std::vector<double>{1234, 12345.5}));
  EXPECT_EQ(column("1\xc2\xa0"
                   "234;a\n7.5;b\n")
                .numbers,
            (std::vector<double>{1234, 7.5}));
  expect_error<IoError>([&] { column("1,234;a\n5,678;b\n"); },
                        {"row 2, column 1 (x)", "1,234", "thousands", "decimal-comma"});
  const Table asked = parse("x;y\n1,234;a\n5,678;b\n", {.types = {{"x", ColumnType::thousands}}});
  EXPECT_EQ(asked.columns[0].numbers, (std::vector<double>{1234, 5678}));
  // The separator of such a file, with and without a header.
  EXPECT_EQ(parse("1,5;2,5\n3,5;4,5\n").columns.size(), 2u);
  EXPECT_EQ(parse("\"1,5\",\"2\"\n\"3,5\",\"4\"\n").columns[0].numbers[1], 3.5);
}

TEST(Schema, CodesKeepTheirZeros) {
  const Table t = parse("zip,y\n001,a\n020,b\n300,a\n");
  EXPECT_EQ(t.columns[0].categories, (Texts{"001", "020", "300"}));
  EXPECT_NE(t.columns[0].why.find("row 2: \"001\""), std::string::npos);
  EXPECT_EQ(parse("n,y\n12345678901234567,a\n12345678901234568,b\n").columns[0].categories.size(),
            2u);
  EXPECT_EQ(parse("n,y\n0,a\n10,b\n0.5,b\n").columns[0].kind, Kind::number);
  EXPECT_EQ(parse("zip,y\n001,a\n", {.types = {{"zip", ColumnType::number}}}).columns[0].numbers[0],
            1);
}

TEST(Schema, AnotherFileIsReadAsTheFirst) {
  const test::TemporaryFolder folder;
  write_file(folder / "train.csv",
             "zip;price;size;y\n001;1,5;-;a\n002;2,5;1;b\n010;3,5;2;a\n002;-;4;b\n");
  const Table t = read_csv(folder / "train.csv");
  const TableEncoder encoder = TableEncoder::fit(t);
  const Preprocess form = Preprocess::from_json(Preprocess(encoder).to_json(), "m");
  const auto want = encoder.encode(t).all().inputs[0].to_vector<float>();
  // Alone, each of these columns would be something else.
  write_file(folder / "one.csv", "zip;price;size\n010;3;-\n");
  Texts warnings;
  const auto one = form.read(folder / "one.csv", &warnings).to_vector<float>();
  EXPECT_EQ(std::vector<float>(one.begin(), one.begin() + 3), (std::vector<float>{0, 0, 1}));
  EXPECT_EQ(one[4], want[4]);  // "-" again
  EXPECT_TRUE(warnings.empty());
  write_file(folder / "new.csv", "zip;price;size\n999;3;1\n");
  form.read(folder / "new.csv", &warnings);
  expect_warning(warnings, {"\"zip\"", "data row 1", "\"999\"", "does not know"});
  write_file(folder / "bad.csv", "zip;price;size\n001;1.5;1\n");
  expect_error<IoError>([&] { form.read(folder / "bad.csv"); },
                        {"row 2, column 2 (price)", "\"1.5\""});
  // Classes too: those of a target of codes.
  const TableEncoder codes = TableEncoder::fit(parse("x,k\n1.5,01\n2,02\n3,01\n"));
  EXPECT_EQ(codes.class_names(), (Texts{"01", "02"}));
  EXPECT_EQ(codes.encode(parse("x,k\n7,02\n", codes.csv_options())).all().targets[0].item<int>(),
            1);
}

TEST(Schema, WordsOfOneColumnMeanNothingInAnother) {
  // "-" is missing among numbers and a category among texts; "x" is missing because it was said.
  const Table t = parse("n,sign,y\n1.5,-,a\n-,+,b\n3,-,a\nx,+,b\n", {.missing = {"", "x"}});
  EXPECT_EQ(t.columns[0].missing, 2);
  EXPECT_EQ(t.columns[1].categories, (Texts{"+", "-"}));
  const TableEncoder encoder = TableEncoder::from_json(TableEncoder::fit(t).to_json(), "m");
  const Table again = parse("n,sign,y\nx,-,a\n", encoder.csv_options());
  EXPECT_EQ(again.columns[0].missing, 1);
  EXPECT_EQ(encoder.encode(again).all().inputs[0].to_vector<float>()[2], 1);
}

TEST(Schema, AnotherFileIsPartedAsTheFirst) {
  const Table t = parse("x;y\n1,5;a\n2,5;b\n3,5;a\n");
  const CsvOptions options = TableEncoder::fit(t).csv_options();
  EXPECT_EQ(parse("x\n4,5\n", options).columns[0].numbers, (std::vector<double>{4.5}));
  EXPECT_EQ(parse("4,5\n", options).columns[0].numbers, (std::vector<double>{4.5}));
  // A name of the header that looks like none.
  const Table named = parse("column 1,y\n1.5,a\n2.5,b\n");
  EXPECT_EQ(parse("column 1,y\n7,a\n", TableEncoder::fit(named).csv_options()).rows, 1);
}

TEST(Schema, HeadersOfNumbersAndDoubledNames) {
  const auto names = [](const Table& t) {
    Texts out;
    for (const Column& c : t.columns) out.push_back(c.name);
    return out;
  };
  const Table years = parse("2019,2020,kind\n1.5,2,a\n2.5,3,b\n0.5,1,a\n");
  EXPECT_EQ(names(years), (Texts{"2019", "2020", "kind"}));
  expect_warning(years.warnings, {"row 1", "2019", "data.header"});
  EXPECT_EQ(names(parse("label,0,1,2\n5,7,8,1\n6,0,0,3\n"))[3], "2");
  EXPECT_EQ(names(parse("0,1,2,3\n5,7,8,1\n6,0,0,3\n"))[3], "3");
  EXPECT_FALSE(parse("5.1,3.5,a\n4.9,3,a\n").header);
  EXPECT_FALSE(parse("1,2\n3,5\n").header);
  EXPECT_FALSE(parse("0,1,2\n1,2,3\n2,3,4\n").header);
  EXPECT_EQ(parse("2019,2020\n1.5,2\n", {.header = CsvOptions::Header::absent}).rows, 2);
  expect_error<IoError>([] { parse("x,x,y\n1,2,a\n3,4,b\n"); },
                        {"row 1", "two columns are called \"x\" (1 and 2)"});
  const Table unnamed = parse("x,,y\n1,2,a\n3,4,b\n");
  EXPECT_EQ(names(unnamed), (Texts{"x", "column 2", "y"}));
  expect_warning(unnamed.warnings, {"column 2 has no name"});
  EXPECT_EQ(parse("x,y,\n1,a,\n2,b,\n").columns.size(), 2u);
}

TEST(Schema, WhatIsOfLittleUseIsSaid) {
  std::string text = "id,name,when,weight,colour,same,y\n";
  for (int i = 0; i < 30; ++i) {
    const std::string n = std::to_string(i);
    text += n + ",person " + n + ",2024-01-" + (i < 9 ? "0" : "") + std::to_string(i + 1) + "," +
            n + " kg," + (i % 3 ? "red" : "Red") + ",7," + (i % 2 ? "a" : "b") + "\n";
  }
  const Table t = parse(text);
  expect_warning(t.column("id").warnings, {"counts the rows (0, 1"});
  expect_warning(t.column("name").warnings, {"another text in every row"});
  expect_warning(t.column("when").warnings, {"dates", "row 2: \"2024-01-01\""});
  expect_warning(t.column("weight").warnings, {"row 2: \"0 kg\""});
  expect_warning(t.column("colour").warnings, {"\"Red\" and \"red\""});
  expect_warning(t.column("same").warnings, {"holds 7 in every row"});
  EXPECT_TRUE(t.column("y").warnings.empty());
  expect_warning(parse("x,y\n1,caf\xe9\n2,te\n").warnings, {"row 2 is not UTF-8"});
}

TEST(Schema, TextIsNoTarget) {
  std::string text = "x,kind,note\n";
  for (int i = 0; i < 1500; ++i) {
    const std::string n = std::to_string(i);
    text += n + ".5," + (i % 2 ? "a" : "b") + ",note " + n + "\n";
  }
  const Table t = parse(text);
  expect_error<IoError>([&] { target_of(t); },
                        {"\"note\" (the last column)", "1,500 classes", "text or an id",
                         "did you mean data.target = \"kind\""});
  EXPECT_EQ(target_of(t, {.target = "kind"}).class_names.size(), 2u);
  expect_error<IoError>([&] { target_of(t, {.target = "x", .task = TableOptions::Task::classes}); },
                        {"\"x\"", "values to predict", "regression"});
  // Beyond the limit though each comes twice.
  expect_error<IoError>([&] { target_of(parse(text + text.substr(12)), {.target = "note"}); },
                        {"at most 1000"});
}

TEST(Schema, TypesByName) {
  const auto types = column_types({"zip=category", "a=b=number", "n=decimal-comma"});
  EXPECT_EQ(types.at("a=b"), ColumnType::number);
  EXPECT_EQ(to_string(types.at("n")), "decimal-comma");
  expect_error<ValueError>([] { column_types({"zip=categroy"}); }, {"did you mean \"category\""});
  EXPECT_THROW(column_types({"zip"}), ValueError);
  EXPECT_THROW(column_types({"a=number", "a=category"}), ValueError);
  expect_error<ValueError>(
      [] {
        parse("zip,y\n1,a\n", {.types = {{"zap", ColumnType::number}}});
      },
      {"zap", "did you mean \"zip\""});
}

double seconds_of(const std::function<void()>& f) {
  const auto now = [] {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    return static_cast<double>(use.ru_utime.tv_sec) +
           1e-6 * static_cast<double>(use.ru_utime.tv_usec);
  };
  const double before = now();
  f();
  return now() - before;
}

TEST(Bounds, TablesTakeTimeInProportion) {
  // 100,000 columns: processor time is far below what one quadratic loop over them takes.
  std::string header;
  std::string row;
  for (int k = 0; k < 100000; ++k) {
    header += "name" + std::to_string(k) + ",";
    row += std::to_string(k % 7) + ".5,";
  }
  const std::string text = header + "y\n" + row + "a\n" + row + "b\n";
  EXPECT_LT(seconds_of([&] {
              const Table t = parse(text);
              const TableEncoder encoder = TableEncoder::fit(t);
              encoder.encode(t);
              TableEncoder::from_json(encoder.to_json(), "m");
            }),
            20);
  expect_error<IoError>([] { parse(std::string(300000, ',')); }, {"row 1", "columns"});
  // 20,000 classes that come twice each.
  std::string classes = "x,y\n";
  for (int i = 0; i < 40000; ++i) {
    classes += std::to_string(i) + ".5,class" + std::to_string(i % 20000) + "\n";
  }
  EXPECT_LT(seconds_of([&] { target_of(parse(classes), {.most_classes = 20000}); }), 5);
  // What becomes of categories is bounded as well.
  std::string wide = "y";
  std::string cells[256];
  for (int k = 0; k < 400; ++k) wide += ",c" + std::to_string(k);
  for (int r = 0; r < 256; ++r) {
    cells[r] = r % 2 ? "a" : "b";
    for (int k = 0; k < 400; ++k) cells[r] += ",t" + std::to_string(r);
  }
  wide += "\n";
  for (int r = 0; r < 256; ++r) wide += cells[r] + "\n";
  const Table table = parse(wide);
  const TableEncoder encoder = TableEncoder::fit(table, {.target = "y"});
  std::vector<std::int64_t> rows(30000);
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<std::int64_t>(r % 256);
  expect_error<IoError>([&] { encoder.encode(table.select(rows)); },
                        {"30,000 rows of 102,400 features", "leave out"});
}

}  // namespace
}  // namespace nacre::data
