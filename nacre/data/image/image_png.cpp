// PNG through libpng's row interface: its simple one converts through gamma, which no model was
// trained on.
#ifdef NACRE_WITH_IMAGES
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "nacre/data/image/image_decode.h"

namespace nacre::data {
namespace {

struct PngState {
  const std::byte* at = nullptr;
  std::size_t left = 0;
  std::jmp_buf escape;
  char text[160] = "";
};

[[noreturn]] void leave_png(png_structp png, png_const_charp what) {
  auto* state = static_cast<PngState*>(png_get_error_ptr(png));
  std::snprintf(state->text, sizeof state->text, "%s", what);
  std::longjmp(state->escape, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void take_bytes(png_structp png, png_bytep to, std::size_t n) {
  auto* state = static_cast<PngState*>(png_get_io_ptr(png));
  if (n > state->left) png_error(png, "the file is cut off");
  std::memcpy(to, state->at, n);
  state->at += n;
  state->left -= n;
}

struct PngHead {
  png_uint_32 width = 0;
  png_uint_32 height = 0;
  bool colour = false;
  bool alpha = false;
  std::size_t stored() const { return (colour ? 3u : 1u) + (alpha ? 1u : 0u); }
};

// Only plain data lives in this function: an error leaves it by longjmp. rows == nullptr: the head
// only. Rows are 8 bits a channel, as the head says. False on an error.
bool run_png(PngState& state, Bytes bytes, PngHead& head, unsigned char* rows) {
  state.at = bytes.data();
  state.left = bytes.size();
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, leave_png, ignore_warning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info || setjmp(state.escape)) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  png_set_read_fn(png, &state, take_bytes);
  // Gamma, profiles and texts are passed over: all that is no pixel, palette or transparency.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_benign_errors(png, 1);
  png_set_chunk_malloc_max(png, std::size_t{1} << 24);
  png_read_info(png, info);
  const png_byte type = png_get_color_type(png, info);
  head.width = png_get_image_width(png, info);
  head.height = png_get_image_height(png, info);
  head.colour = (type & PNG_COLOR_MASK_COLOR) != 0;
  head.alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  if (rows) {
    png_set_expand(png);
    if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);  // the high byte, as Pillow
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    const std::size_t row = std::size_t{head.width} * head.stored();
    if (png_get_rowbytes(png, info) != row) png_error(png, "a row of another size");
    for (int pass = 0; pass < passes; ++pass) {
      for (png_uint_32 y = 0; y < head.height; ++y) png_read_row(png, rows + y * row, nullptr);
    }
  }
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

// Puts what is transparent before white; leaves rows without the alpha channel.
void over_white(std::vector<unsigned char>& rows, std::size_t colours) {
  const std::size_t stored = colours + 1;
  const std::size_t pixels = rows.size() / stored;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint32_t alpha = rows[i * stored + colours];
    for (std::size_t c = 0; c < colours; ++c) {
      const std::uint32_t inked = product_of(255u - rows[i * stored + c], alpha);
      rows[i * colours + c] = static_cast<unsigned char>(255u - inked);
    }
  }
  rows.resize(pixels * colours);
}

}  // namespace

Tensor decode_png(Bytes bytes, const std::string& name, int channels) {
  PngState state;
  PngHead head;
  const auto fail = [&] {
    throw_io(name, fmt::format("damaged PNG: {}", state.text[0] ? state.text : "no memory"));
  };
  if (!run_png(state, bytes, head, nullptr)) fail();
  // Deflate packs 1032 to 1 at best, a pixel has at least one bit.
  check_picture(name, head.width, head.height, bytes.size(), 8 * 1032);
  std::vector<unsigned char> rows(std::size_t{head.width} * head.height * head.stored());
  if (!run_png(state, bytes, head, rows.data())) fail();
  const std::size_t colours = head.colour ? 3 : 1;
  if (head.alpha) over_white(rows, colours);
  if (channels == 0) channels = static_cast<int>(colours);
  return planar(rows, static_cast<std::int64_t>(colours), channels, head.height, head.width);
}

}  // namespace nacre::data
#endif
