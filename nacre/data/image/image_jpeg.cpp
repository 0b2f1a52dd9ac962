// JPEG through libjpeg.
#ifdef NACRE_WITH_IMAGES
#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
// jpeglib.h needs stdio.h before it.
#include <jerror.h>
#include <jpeglib.h>

#include "nacre/data/image/image_decode.h"

namespace nacre::data {
namespace {

struct JpegErrors {
  jpeg_error_mgr manager;  // first, so that a pointer to it is one to this
  std::jmp_buf escape;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave_jpeg(j_common_ptr common) {
  auto* errors = reinterpret_cast<JpegErrors*>(common->err);
  common->err->format_message(common, errors->text);
  std::longjmp(errors->escape, 1);
}

// Warnings are silent, but data that ends early, breaks off or is no code is an error.
void note_jpeg(j_common_ptr common, int level) {
  if (level >= 0) return;
  const int code = common->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE) {
    leave_jpeg(common);
  }
}

struct JpegHead {
  JDIMENSION width = 0;
  JDIMENSION height = 0;
  int components = 0;
  int orientation = 1;
};

// EXIF's orientation, 1..8, from an APP1 segment: a TIFF directory of 12-byte entries.
int read_orientation(const unsigned char* p, std::size_t n) {
  if (n < 14 || std::memcmp(p, "Exif\0\0", 6) != 0) return 1;
  p += 6;
  n -= 6;
  const bool big = p[0] == 'M';
  const auto number = [&](std::size_t at, std::size_t size) -> std::size_t {
    std::size_t out = 0;
    for (std::size_t i = 0; i < size; ++i) {
      out |= std::size_t{p[at + i]} << (8 * (big ? size - 1 - i : i));
    }
    return out;
  };
  const std::size_t directory = number(4, 4);
  if (directory > n || n - directory < 2) return 1;
  const std::size_t count = number(directory, 2);
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t at = directory + 2 + 12 * k;
    if (at + 12 > n) return 1;
    if (number(at, 2) != 0x0112) continue;
    const std::size_t value = number(at + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// Only plain data lives in this function: an error leaves it by longjmp. rows == nullptr: the head
// only. False on an error.
bool run_jpeg(JpegErrors& errors, Bytes bytes, JpegHead& head, unsigned char* rows) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave_jpeg;
  errors.manager.emit_message = note_jpeg;
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  if (!rows) jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&info, TRUE);
  head.width = info.image_width;
  head.height = info.image_height;
  head.components = info.num_components;
  if (!rows) {
    for (auto* m = info.marker_list; m; m = m->next) {
      head.orientation = read_orientation(m->data, m->data_length);
      if (head.orientation != 1) break;
    }
    jpeg_destroy_decompress(&info);
    return true;
  }
  // Grey is made of the colours, not of the Y that is stored: that is what a PNG of them gives.
  info.out_color_space = info.num_components == 1   ? JCS_GRAYSCALE
                         : info.num_components == 4 ? JCS_CMYK
                                                    : JCS_RGB;
  jpeg_start_decompress(&info);
  const std::size_t row = static_cast<std::size_t>(info.output_width) *
                          static_cast<std::size_t>(info.output_components);
  while (info.output_scanline < info.output_height) {
    JSAMPROW to = rows + info.output_scanline * row;
    jpeg_read_scanlines(&info, &to, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

// CMYK to RGB, in place. Stored inverted, as Adobe writes it and all readers take it.
void from_cmyk(std::vector<unsigned char>& rows, std::size_t pixels) {
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint32_t white = rows[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint32_t ink = 255u - rows[4 * i + c];
      rows[3 * i + c] = static_cast<unsigned char>(white - product_of(ink, white));
    }
  }
}

// Mirrors and turns so that the picture stands as it was taken.
Tensor upright(const Tensor& in, int orientation) {
  if (orientation == 1) return in;
  const std::int64_t channels = in.size(0);
  const std::int64_t h = in.size(1);
  const std::int64_t w = in.size(2);
  const bool swapped = orientation >= 5;
  const std::int64_t out_h = swapped ? w : h;
  const std::int64_t out_w = swapped ? h : w;
  Tensor out({u8, {channels, out_h, out_w}});
  const auto* from = in.data<std::uint8_t>().data();
  auto* to = out.mutable_data<std::uint8_t>().data();
  const bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = 0; y < out_h; ++y) {
      for (std::int64_t x = 0; x < out_w; ++x) {
        std::int64_t sx = swapped ? y : x;
        std::int64_t sy = swapped ? x : y;
        if (right) sx = w - 1 - sx;
        if (bottom) sy = h - 1 - sy;
        to[(c * out_h + y) * out_w + x] = from[(c * h + sy) * w + sx];
      }
    }
  }
  return out;
}

}  // namespace

Tensor decode_jpeg(Bytes bytes, const std::string& name, int channels) {
  JpegErrors errors{};
  JpegHead head;
  const auto fail = [&] { throw_io(name, fmt::format("damaged JPEG: {}", errors.text)); };
  if (!run_jpeg(errors, bytes, head, nullptr)) fail();
  if (head.components != 1 && head.components != 3 && head.components != 4) {
    throw_io(name, fmt::format("a JPEG of {} components (1, 3 or 4 are known)", head.components));
  }
  // A block of 64 pixels takes a bit at least, or less by arithmetic coding.
  check_picture(name, head.width, head.height, bytes.size(), 4096);
  const std::size_t pixels = std::size_t{head.width} * head.height;
  std::vector<unsigned char> rows(pixels * static_cast<std::size_t>(head.components));
  if (!run_jpeg(errors, bytes, head, rows.data())) fail();
  if (head.components == 4) from_cmyk(rows, pixels);
  const int stored = head.components == 1 ? 1 : 3;
  if (channels == 0) channels = stored;
  return upright(planar(rows, stored, channels, head.height, head.width), head.orientation);
}

}  // namespace nacre::data
#endif
