// How files become inputs, as JSON says it; what is accepted is also used.
#include <string>
#include <variant>

#include "fuzz/fuzz.h"
#include "nacre/data/preprocess.h"

namespace {

using namespace nacre::data;

// Two rows with a cell for each input, without names.
void encode_rows(const TableEncoder& encoder) {
  const std::size_t n = encoder.input_names().size();
  if (n > 1000) return;
  CsvOptions options = encoder.csv_options();
  options.header = CsvOptions::Header::absent;
  std::string row;
  for (std::size_t k = 0; k < n; ++k) row += (k == 0 ? "" : ",") + std::to_string(k);
  options.separator = ',';
  encoder.encode(parse_csv(nacre::bytes_of(row + "\n" + row + "\n"), "rows", options));
}

void use(nacre::Bytes bytes) {
  const Preprocess form = Preprocess::from_json(nacre::fuzz::text_of(bytes), "input");
  if (const auto* encoder = std::get_if<TableEncoder>(&form.form())) encode_rows(*encoder);
  if (const auto* encoder = std::get_if<TextEncoder>(&form.form())) encoder->encode("a few words");
  const std::string text = form.to_json();
  if (Preprocess::from_json(text, "own").to_json() != text) {
    throw nacre::InternalError("a form changed on its way through JSON");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(data, size, use);
}
