// PNG through libpng's simple interface, JPEG through libjpeg.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "nacre/base/error.h"
#include "nacre/data/image.h"

#ifdef NACRE_WITH_IMAGES
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs stdio.h before it.
#include <jerror.h>
#include <jpeglib.h>
#include <png.h>
#endif

namespace nacre::data {

#ifdef NACRE_WITH_IMAGES
namespace {

constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 28;

void check_size(const std::string& name, std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0 || width * height > kMostPixels) {
    throw_io(name,
             fmt::format("a picture of {} x {} pixels (1 to 2^28 pixels expected)", width, height));
  }
}

// Rows of interleaved channels to [channels, height, width].
Tensor planar(const std::vector<unsigned char>& rows, std::int64_t channels, std::int64_t height,
              std::int64_t width) {
  Tensor out({u8, {channels, height, width}});
  auto* to = out.mutable_data<std::uint8_t>().data();
  const std::int64_t pixels = height * width;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t i = 0; i < pixels; ++i) {
      to[c * pixels + i] = rows[static_cast<std::size_t>(i * channels + c)];
    }
  }
  return out;
}

Tensor decode_png(Bytes bytes, const std::string& name, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  struct Free {
    png_image* image;
    ~Free() { png_image_free(image); }
  } free_it{&image};
  const auto fail = [&] { throw_io(name, fmt::format("damaged PNG: {}", image.message)); };
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) fail();
  check_size(name, image.width, image.height);
  // Deflate packs 1032 to 1 at best, a pixel has at least one bit.
  if (std::uint64_t{image.width} * image.height / 8 > bytes.size() * 1040) {
    throw_io(name, fmt::format("damaged PNG: {} bytes cannot hold {} x {} pixels", bytes.size(),
                               image.width, image.height));
  }
  if (channels == 0) channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  std::vector<unsigned char> rows(PNG_IMAGE_SIZE(image));
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&image, &white, rows.data(), 0, nullptr)) fail();
  return planar(rows, channels, image.height, image.width);
}

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

// Warnings are silent, but data that ends early or breaks off is an error.
void note_jpeg(j_common_ptr common, int level) {
  if (level >= 0) return;
  const int code = common->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER) leave_jpeg(common);
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
bool run_jpeg(JpegErrors& errors, Bytes bytes, int channels, JpegHead& head, unsigned char* rows) {
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
  info.out_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  const bool four = info.num_components == 4;  // CMYK, inverted as Adobe writes it
  if (four) info.out_color_space = JCS_CMYK;
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

void cmyk_to(std::vector<unsigned char>& rows, std::size_t pixels, int channels) {
  for (std::size_t i = 0; i < pixels; ++i) {
    int rgb[3];
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = rows[4 * i + c] * rows[4 * i + 3] / 255;
    if (channels == 3) {
      for (std::size_t c = 0; c < 3; ++c) rows[3 * i + c] = static_cast<unsigned char>(rgb[c]);
    } else {
      rows[i] = static_cast<unsigned char>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000);
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

Tensor decode_jpeg(Bytes bytes, const std::string& name, int channels) {
  JpegErrors errors{};
  JpegHead head;
  const auto fail = [&] { throw_io(name, fmt::format("damaged JPEG: {}", errors.text)); };
  if (!run_jpeg(errors, bytes, channels, head, nullptr)) fail();
  check_size(name, head.width, head.height);
  if (channels == 0) channels = head.components == 1 ? 1 : 3;
  const std::size_t pixels = std::size_t{head.width} * head.height;
  std::vector<unsigned char> rows(pixels *
                                  static_cast<std::size_t>(std::max(channels, head.components)));
  if (!run_jpeg(errors, bytes, channels, head, rows.data())) fail();
  if (head.components == 4) cmyk_to(rows, pixels, channels);
  return upright(planar(rows, channels, head.height, head.width), head.orientation);
}

}  // namespace

bool have_images() { return true; }

Tensor decode_image(Bytes bytes, const std::string& name, int channels) {
  if (channels != 0 && channels != 1 && channels != 3) {
    throw ValueError(fmt::format("read_image: {} channels (0, 1 or 3 expected)", channels));
  }
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (head.starts_with("\x89PNG")) return decode_png(bytes, name, channels);
  if (head.starts_with("\xff\xd8")) return decode_jpeg(bytes, name, channels);
  if (head.empty()) throw_io(name, "the file is empty");
  throw_io(name, "neither PNG nor JPEG", "convert it: those two are read");
}

std::string encode_png(const Tensor& image) {
  const int rank = image.rank();
  const std::int64_t channels = rank == 3 ? image.size(0) : 1;
  if ((rank != 2 && rank != 3) || (channels != 1 && channels != 3) || image.elements() == 0 ||
      (image.dtype() != u8 && image.dtype() != f32)) {
    throw ShapeError(
        "encode_png: u8 or f32 [height, width], [1, ...] or [3, ...] expected, this is " +
        to_string(image.spec()));
  }
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.height = static_cast<png_uint_32>(image.size(rank - 2));
  png.width = static_cast<png_uint_32>(image.size(rank - 1));
  png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const std::vector<float> values = image.to_vector<float>();
  const float factor = image.dtype() == f32 ? 255 : 1;
  const std::size_t pixels = values.size() / static_cast<std::size_t>(channels);
  std::vector<unsigned char> rows(values.size());
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const float v = values[c * pixels + i] * factor + 0.5f;
      rows[i * static_cast<std::size_t>(channels) + c] =
          static_cast<unsigned char>(v > 0 ? std::min(v, 255.0f) : 0);
    }
  }
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(png), '\0');
  png_alloc_size_t size = out.size();
  if (!png_image_write_to_memory(&png, out.data(), &size, 0, rows.data(), 0, nullptr)) {
    throw IoError(fmt::format("encode_png: {}", png.message));
  }
  out.resize(size);
  return out;
}

#else

bool have_images() { return false; }

Tensor decode_image(Bytes, const std::string& name, int) {
  throw_io(name, "this program was built without pictures", "build it with NACRE_WITH_IMAGES=ON");
}

std::string encode_png(const Tensor&) {
  throw IoError("encode_png: this program was built without pictures (NACRE_WITH_IMAGES=ON)");
}

#endif

Tensor read_image(const std::filesystem::path& path, int channels) {
  const MappedFile file(path);
  return decode_image(file.bytes(), path.string(), channels);
}

void write_png(const std::filesystem::path& path, const Tensor& image) {
  write_file(path, encode_png(image));
}

}  // namespace nacre::data
