#include "nacre/kernels/cpu/onednn.h"

#include "nacre/base/threads.h"

namespace nacre::cpu::onednn {

using dnnl::memory;
using Tag = memory::format_tag;

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

bool has_type(DType dtype) { return dtype == f32 || dtype == bf16; }

memory::data_type type_of(DType dtype) {
  switch (dtype) {
    case bf16:
      return memory::data_type::bf16;
    case f16:
      return memory::data_type::f16;
    case i8:
      return memory::data_type::s8;
    case u8:
      return memory::data_type::u8;
    case i32:
      return memory::data_type::s32;
    default:
      return memory::data_type::f32;
  }
}

memory::dims dims_of(const Shape& shape) { return memory::dims(shape.begin(), shape.end()); }

memory::desc row_major(const Spec& spec) {
  const auto strides = row_major_strides(spec.shape);
  return {dims_of(spec.shape), type_of(spec.dtype),
          memory::dims(strides.begin(), strides.begin() + spec.shape.rank())};
}

namespace {

memory::dims image_dims(const Shape& shape, bool channels_last) {
  memory::dims dims = dims_of(shape);
  if (channels_last) {
    const auto channels = dims.back();
    dims.pop_back();
    dims.insert(dims.begin() + 1, channels);
  }
  return dims;
}

}  // namespace

memory::desc image(const Spec& spec, bool channels_last) {
  static constexpr Tag kFirst[] = {Tag::ncw, Tag::nchw, Tag::ncdhw};
  static constexpr Tag kLast[] = {Tag::nwc, Tag::nhwc, Tag::ndhwc};
  const int axes = spec.shape.rank() - 3;
  return {image_dims(spec.shape, channels_last), type_of(spec.dtype),
          channels_last ? kLast[axes] : kFirst[axes]};
}

memory::desc image_any(const Spec& spec, bool channels_last) {
  // The layout of channels-last images is the caller's choice: keep it.
  if (channels_last) return image(spec, true);
  return {image_dims(spec.shape, false), type_of(spec.dtype), Tag::any};
}

memory::desc weights(const Spec& spec, std::int64_t groups, bool any) {
  static constexpr Tag kPlain[] = {Tag::oiw, Tag::oihw, Tag::oidhw};
  static constexpr Tag kGrouped[] = {Tag::goiw, Tag::goihw, Tag::goidhw};
  const int axes = spec.shape.rank() - 3;
  memory::dims dims = dims_of(spec.shape);
  if (groups > 1) {
    dims[0] /= groups;
    dims.insert(dims.begin(), groups);
  }
  return {dims, type_of(spec.dtype), any ? Tag::any : groups > 1 ? kGrouped[axes] : kPlain[axes]};
}

bool is_fast(const char* implementation) {
  return std::string_view(implementation).find("ref") == std::string_view::npos;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

Program::Id Program::operand(std::size_t pointer, const memory::desc& desc) {
  places_.push_back({memory(desc, engine(), nullptr), true, pointer});
  return {places_.size() - 1};
}

Program::Id Program::scratch(const memory::desc& desc) {
  places_.push_back({memory(desc, engine(), nullptr), false, scratch_bytes_});
  scratch_bytes_ += (desc.get_size() + 63) / 64 * 64;
  return {places_.size() - 1};
}

Program::Id Program::reordered(Id from, const memory::desc& desc) {
  if (places_[from.index].memory.get_desc() == desc) return from;
  const Id to = scratch(desc);
  reorder(from, to);
  return to;
}

namespace {

// Blocks of 16 channels that the picture's dims fill, and nothing else.
bool is_blocked_bfloat16(const memory::desc& desc) {
  const memory::dims dims = desc.dims();
  return desc.data_type() == memory::data_type::bf16 && dims.size() == 4 &&
         dims[1] % static_cast<std::int64_t>(kBlockChannels) == 0 &&
         desc == memory::desc(dims, memory::data_type::bf16, Tag::nChw16c);
}

void round_images(const float* from, std::uint16_t* to, std::size_t batch, std::size_t blocks,
                  std::size_t batch_stride, const RoundedImage& image, int threads) {
  const RoundBlockFn round = round_block();
  const std::size_t block = image.rows * image.columns * kBlockChannels;
  parallel_for(
      threads, static_cast<std::int64_t>(batch * blocks), 1,
      [&](std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          round(
              image,
              from + i / blocks * batch_stride + i % blocks * kBlockChannels * image.channel_stride,
              to + i * block);
        }
      });
}

}  // namespace

// f32 pictures in channels-first order, or a part of them, to blocked bf16; else false.
bool Program::add_rounding(Id from, Id to) {
  const memory::desc source = places_[from.index].memory.get_desc();
  const memory::desc target = places_[to.index].memory.get_desc();
  if (source.data_type() != memory::data_type::f32 || !is_blocked_bfloat16(target)) return false;
  const memory::dims dims = source.dims();
  const auto& strides = source.data.format_desc.blocking.strides;
  if (source.data.format_kind != dnnl_blocked ||
      source.data.format_desc.blocking.inner_nblks != 0 || source.data.offset0 != 0 ||
      strides[3] != 1) {
    return false;
  }
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  calls_.push_back({{},
                    {},
                    Rounding{from.index,
                             to.index,
                             size(dims[0]),
                             size(dims[1]) / kBlockChannels,
                             size(strides[0]),
                             {size(dims[2]), size(dims[3]), size(strides[2]), size(strides[1])}}});
  return true;
}

void Program::reorder(Id from, Id to) {
  if (add_rounding(from, to)) return;
  const dnnl::reorder::primitive_desc pd(engine(), places_[from.index].memory.get_desc(), engine(),
                                         places_[to.index].memory.get_desc(), attributes());
  add(dnnl::reorder(pd), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, pd.scratchpad_desc());
}

void Program::add(const dnnl::primitive& primitive,
                  std::initializer_list<std::pair<int, Id>> arguments,
                  const memory::desc& scratchpad) {
  std::vector<dnnl_exec_arg_t> list;
  for (const auto& [arg, id] : arguments) list.push_back({arg, places_[id.index].memory.get()});
  if (scratchpad.get_size() > 0) {
    list.push_back({DNNL_ARG_SCRATCHPAD, places_[scratch(scratchpad).index].memory.get()});
  }
  calls_.push_back({primitive, std::move(list)});
}

void* Program::data(const Place& place, void* const* pointers, const RunContext& context) const {
  return place.is_operand ? pointers[place.at] : static_cast<char*>(context.scratch) + place.at;
}

void Program::run(void* const* pointers, const RunContext& context) const {
  for (const Place& p : places_) p.memory.set_data_handle(data(p, pointers, context));
  dnnl::stream& s = stream();
  for (const Call& call : calls_) {
    if (call.rounding) {
      const Rounding& r = *call.rounding;
      round_images(static_cast<const float*>(data(places_[r.from], pointers, context)),
                   static_cast<std::uint16_t*>(data(places_[r.to], pointers, context)), r.batch,
                   r.blocks, r.batch_stride, r.image, context.threads);
      continue;
    }
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(call.primitive.get(), s.get(),
                               static_cast<int>(call.arguments.size()), call.arguments.data()),
        "a oneDNN primitive failed");
  }
}

PreparedKernel to_kernel(Program program) {
  const std::size_t bytes = program.scratch_bytes();
  return make_kernel(
      [program = std::move(program)](void* const* pointers, const RunContext& context) {
        program.run(pointers, context);
      },
      bytes);
}

}  // namespace nacre::cpu::onednn
