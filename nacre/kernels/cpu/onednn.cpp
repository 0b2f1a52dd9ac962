#include "nacre/kernels/cpu/onednn.h"

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

void Program::reorder(Id from, Id to) {
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

void Program::run(void* const* pointers, const RunContext& context) const {
  for (const Place& p : places_) {
    p.memory.set_data_handle(p.is_operand ? pointers[p.at]
                                          : static_cast<char*>(context.scratch) + p.at);
  }
  dnnl::stream& s = stream();
  for (const Call& call : calls_) {
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
