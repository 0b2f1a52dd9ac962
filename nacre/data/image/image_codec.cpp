// Which reader a picture needs, and how PNG files are written.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "nacre/base/error.h"
#include "nacre/data/image/image.h"
#include "nacre/data/image/image_decode.h"

#ifdef NACRE_WITH_IMAGES
#include <png.h>
#endif

namespace nacre::data {

#ifdef NACRE_WITH_IMAGES

void check_picture(const std::string& name, std::uint64_t width, std::uint64_t height,
                   std::uint64_t bytes, std::uint64_t most_per_byte) {
  constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 28;
  if (width == 0 || height == 0 || width * height > kMostPixels) {
    throw_io(name,
             fmt::format("a picture of {} x {} pixels (1 to 2^28 pixels expected)", width, height));
  }
  if (width * height / most_per_byte > bytes) {
    throw_io(name,
             fmt::format("damaged: {} bytes cannot hold {} x {} pixels", bytes, width, height));
  }
}

Tensor planar(const std::vector<unsigned char>& rows, std::int64_t stored, std::int64_t channels,
              std::int64_t height, std::int64_t width) {
  Tensor out({u8, {channels, height, width}});
  auto* to = out.mutable_data<std::uint8_t>().data();
  const unsigned char* from = rows.data();
  const std::int64_t pixels = height * width;
  if (stored == 3 && channels == 1) {
    for (std::int64_t i = 0; i < pixels; ++i) {
      to[i] = grey_of(from[3 * i], from[3 * i + 1], from[3 * i + 2]);
    }
    return out;
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t k = stored == 3 ? c : 0;
    for (std::int64_t i = 0; i < pixels; ++i) to[c * pixels + i] = from[i * stored + k];
  }
  return out;
}

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
