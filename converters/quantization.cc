#include "converters/quantization.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/config.h"
#include "formats/dtype.h"

namespace nibble {
namespace {

// Keys that only one program writes, where no quant_method says who it was.
constexpr struct {
  absl::string_view path;
  absl::string_view program;
} kForeignKeys[] = {
    {"quantization.group_size", "MLX"},
    {"quantization_config.load_in_4bit", "bitsandbytes"},
    {"quantization_config.load_in_8bit", "bitsandbytes"},
};

// Ends of tensor names that only one program gives. The first row that any tensor fits counts.
constexpr struct {
  absl::string_view suffix;
  absl::string_view program;
} kForeignTensors[] = {
    {".absmax", "bitsandbytes"}, {".SCB", "bitsandbytes"}, {".biases", "MLX"},   {".W_q", "HQQ"},
    {".codebooks", "AQLM"},      {".q_weight", "EXL2"},    {".trellis", "EXL3"}, {".weight_scale_2", "ModelOpt"},
};

constexpr absl::string_view kGptq = "gptq", kAwq = "awq";
constexpr absl::string_view kWords = ".qweight";

// A method that is read: how a tensor shows that it is stored so.
struct Method {
  struct Sign {
    DType dtype;
    absl::string_view suffix;  // of the tensor's name
  };
  absl::string_view name;
  absl::Span<const Sign> signs;
  bool must_be_declared;  // OpenAI's own gpt-oss files say nothing of MXFP4
};
constexpr Method::Sign kFp8Signs[] = {{DType::kF8_E4M3, ""}, {DType::kF8_E5M2, ""}};
constexpr Method::Sign kMxfp4Signs[] = {{DType::kU8, "_blocks"}, {DType::kU8, ".blocks"}};
constexpr Method::Sign kCompressedSigns[] = {
    {DType::kI32, "_packed"}, {DType::kU8, "_packed"}, {DType::kF8_E4M3, ".weight"}};
constexpr Method::Sign kWordSigns[] = {{DType::kI32, kWords}};
constexpr Method kMethods[] = {{"fp8", kFp8Signs, true},
                               {"mxfp4", kMxfp4Signs, false},
                               {"compressed-tensors", kCompressedSigns, true},
                               {kGptq, kWordSigns, true},
                               {kAwq, kWordSigns, true}};

bool IsStoredBy(const Method& method, const StoredTensor& tensor) {
  return std::any_of(method.signs.begin(), method.signs.end(), [&](const Method::Sign& sign) {
    return tensor.dtype == sign.dtype && absl::EndsWith(tensor.name, sign.suffix);
  });
}

bool IsGiven(const json::Value& value) { return value.exists() && !value.is_null(); }

// Multimodal configs have it outside of their text_config, or in it.
json::Value QuantizationConfig(const json::Value& config) {
  const json::Value outer = config.Get("quantization_config");
  const json::Value inner = TextConfig(config).Get("quantization_config");
  return IsGiven(outer) || !IsGiven(inner) ? outer : inner;
}

absl::Status CheckFp8(const json::Value& quantization) {
  const json::Value block = quantization.Get("weight_block_size");
  if (!IsGiven(block)) return absl::OkStatus();
  if (block.size() != 2) return block.Error("two lengths");
  for (const json::Value& length : block.Elements()) {
    NIBBLE_RETURN_IF_ERROR(length.Int(1, 1 << 24).status());
    if (*length.Int(1, 1 << 24) != 128) return NotSupported(block, "[128, 128]");
  }
  return absl::OkStatus();
}

// What a format of compressed-tensors packs: groups of weights of one type.
struct PackedFormat {
  absl::string_view name;
  absl::string_view type, strategy;
};
// Not packed: FP8 with a scale for a tensor, or for each of its rows.
constexpr absl::string_view kFp8Formats[] = {"float-quantized", "naive-quantized"};
constexpr absl::string_view kMixed = "mixed-precision";  // a format per group
constexpr PackedFormat kPackedFormats[] = {
    {"pack-quantized", "int", "group"},
    {"mxfp4-pack-quantized", "float", "group"},
    {"nvfp4-pack-quantized", "float", "tensor_group"},
};

absl::StatusOr<PackedFormat> FindPackedFormat(const json::Value& format) {
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, format.String());
  for (const PackedFormat& row : kPackedFormats) {
    if (row.name == name) return row;
  }
  return NotSupported(format,
                      "pack-quantized, mxfp4-pack-quantized, nvfp4-pack-quantized, float-quantized, naive-quantized or "
                      "mixed-precision");
}

bool IsFp8Format(const json::Value& format) {
  return format.is_string() && absl::c_linear_search(kFp8Formats, *format.String());
}

absl::Status CheckFp8Group(const json::Value& weights) {
  const Supported supported[] = {{"num_bits", 8.0}, {"symmetric", true}, {"type", absl::string_view("float")}};
  NIBBLE_RETURN_IF_ERROR(RequireSupported(weights, supported));
  const json::Value strategy = weights.Get("strategy");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, strategy.String());
  return name == "tensor" || name == "channel" ? absl::OkStatus() : NotSupported(strategy, "tensor or channel");
}

absl::Status CheckGroup(const json::Value& format, const json::Value& weights) {
  if (IsFp8Format(format)) return CheckFp8Group(weights);
  NIBBLE_ASSIGN_OR_RETURN(const PackedFormat expected, FindPackedFormat(format));
  const Supported supported[] = {
      {"num_bits", 4.0}, {"symmetric", true}, {"type", expected.type}, {"strategy", expected.strategy}};
  NIBBLE_RETURN_IF_ERROR(weights.Get("group_size").Int(1, 1 << 24).status());
  return RequireSupported(weights, supported);
}

absl::Status CheckCompressed(const json::Value& quantization) {
  const json::Value format = quantization.Get("format");
  const bool is_mixed = format.is_string() && *format.String() == kMixed;
  const json::Value groups = quantization.Get("config_groups");
  if (!groups.is_object() || groups.size() == 0) return groups.Error("an object with a group of weights");
  for (const auto& [name, group] : groups.Members()) {
    const json::Value own = group.Get("format");
    NIBBLE_RETURN_IF_ERROR(CheckGroup(is_mixed || IsGiven(own) ? own : format, group.Get("weights")));
  }
  return absl::OkStatus();
}

constexpr int64_t kAllInputs = -1;  // for group_size
constexpr int kWordBits = 32;

absl::Status CheckBits(const json::Value& quantization, absl::Span<const int64_t> supported) {
  const json::Value bits = quantization.Get("bits");
  NIBBLE_ASSIGN_OR_RETURN(const int64_t found, bits.Int(1, 64));
  if (!absl::c_linear_search(supported, found)) return NotSupported(bits, absl::StrJoin(supported, " or "));
  const json::Value group = quantization.Get("group_size");
  if (!IsGiven(group)) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const int64_t size, group.Int(kAllInputs, 1 << 24));
  return size == 0 ? group.Error("-1 or a length") : absl::OkStatus();
}

// GPTQModel's name for the key, and the older one; checkpoints may have both.
constexpr absl::string_view kVersionKeys[] = {"checkpoint_format", "format"};
constexpr absl::string_view kGptqV2 = "gptq_v2";

absl::Status CheckVersions(const json::Value& quantization, absl::Span<const absl::string_view> supported) {
  absl::string_view version;
  for (const absl::string_view key : kVersionKeys) {
    const json::Value value = quantization.Get(key);
    if (!IsGiven(value)) continue;
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view found, value.String());
    if (!absl::c_linear_search(supported, found)) return NotSupported(value, absl::StrJoin(supported, " or "));
    if (!version.empty() && found != version) return value.Error(absl::StrCat("\"", version, "\", as above"));
    version = found;
  }
  return absl::OkStatus();
}

absl::Status CheckGptq(const json::Value& quantization) {
  constexpr int64_t kBits[] = {4, 8};
  constexpr absl::string_view kVersions[] = {kGptq, kGptqV2};
  NIBBLE_RETURN_IF_ERROR(CheckBits(quantization, kBits));
  NIBBLE_RETURN_IF_ERROR(CheckVersions(quantization, kVersions));
  const Supported supported[] = {{"is_marlin_format", false}, {"pack_dtype", absl::string_view("int32")}};
  return RequireSupported(quantization, supported);
}

absl::Status CheckAwq(const json::Value& quantization) {
  constexpr int64_t kBits[] = {4};
  constexpr absl::string_view kVersions[] = {"gemm"};
  NIBBLE_RETURN_IF_ERROR(CheckBits(quantization, kBits));
  NIBBLE_RETURN_IF_ERROR(CheckVersions(quantization, kVersions));
  const Supported supported[] = {{"version", absl::string_view("gemm")}, {"zero_point", true}};
  return RequireSupported(quantization, supported);
}

// Whether words are those of the method, of as many bits and groups as the config says; GPTQModel's "dynamic" says
// otherwise for modules by name. Parts that do not fit one another are the table's business.
absl::Status CheckWords(const json::Value& quantization, const Method& method, const TensorSource& source) {
  if (method.name != kGptq && method.name != kAwq) return absl::OkStatus();
  const int64_t bits = *quantization.Get("bits").Int(1, 64);
  const json::Value group_size = quantization.Get("group_size");
  const bool is_uniform = !IsGiven(quantization.Get("dynamic"));
  // Inputs in the order of their weight in the Hessian: without g_idx nobody knows whose group is whose.
  const json::Value order = quantization.Get("desc_act");
  bool is_ordered = false;
  if (IsGiven(order)) {
    NIBBLE_ASSIGN_OR_RETURN(is_ordered, order.Bool());
  }
  for (const StoredTensor& tensor : source.tensors()) {
    if (!IsStoredBy(method, tensor)) continue;
    const absl::string_view module = absl::StripSuffix(tensor.name, kWords);
    const StoredTensor* scales = source.Find(absl::StrCat(module, ".scales"));
    const StoredTensor* zeros = source.Find(absl::StrCat(module, ".qzeros"));
    const auto is_matrix = [](const StoredTensor* part) {
      return part != nullptr && part->shape.size() == 2 && part->elements() > 0;
    };
    if (!is_matrix(&tensor) || !is_matrix(scales) || !is_matrix(zeros)) continue;
    const int64_t groups = scales->shape[0], outputs = scales->shape[1];
    const bool is_gptq = tensor.shape[1] == outputs;
    if (is_gptq != (method.name == kGptq)) {
      return BadData(source.Place(tensor),
                     absl::StrCat("words of ", method.name, ", which ", quantization.Place(), " says"),
                     absl::StrCat("shape ", ShapeText(tensor.shape), " for ", outputs, " outputs"));
    }
    if (!is_uniform) continue;
    if (is_ordered && source.Find(absl::StrCat(module, ".g_idx")) == nullptr) {
      return BadData(source.Place(tensor),
                     absl::StrCat("a tensor '", module, ".g_idx' beside it, as ", order.Place(), " is true"), "none");
    }
    if (zeros->shape[1] * kWordBits != outputs * bits) {
      return BadData(source.Place(*zeros), absl::StrCat(bits, " bits, which ", quantization.Place(), " says"),
                     absl::StrCat("shape ", ShapeText(zeros->shape), " for ", outputs, " outputs"));
    }
    if (!IsGiven(group_size)) continue;
    const int64_t inputs = tensor.shape[0] * (is_gptq ? kWordBits / bits : 1);
    const int64_t size = *group_size.Int(kAllInputs, 1 << 24);
    const int64_t expected = size == kAllInputs ? 1 : (inputs + size - 1) / size;
    if (groups == expected) continue;
    return BadData(source.Place(*scales),
                   absl::StrCat(expected, " groups of ", size, ", which ", quantization.Place(), " says"),
                   absl::StrCat(groups));
  }
  return absl::OkStatus();
}

// Whether what is packed by compressed-tensors is of a type that a declared format packs: its bits would mean others.
absl::Status CheckPackedTypes(const json::Value& quantization, const Method& method, const TensorSource& source) {
  if (method.name != "compressed-tensors") return absl::OkStatus();
  std::vector<DType> declared;
  for (const auto& [name, group] : quantization.Get("config_groups").Members()) {
    const json::Value own = group.Get("format");
    const json::Value format = IsGiven(own) ? own : quantization.Get("format");
    if (IsFp8Format(format)) continue;
    NIBBLE_ASSIGN_OR_RETURN(const PackedFormat packed, FindPackedFormat(format));
    declared.push_back(packed.type == "int" ? DType::kI32 : DType::kU8);
  }
  for (const StoredTensor& tensor : source.tensors()) {
    const bool is_packed = IsStoredBy(method, tensor) && absl::EndsWith(tensor.name, "_packed");
    if (!is_packed || absl::c_linear_search(declared, tensor.dtype)) continue;
    return BadData(source.Place(tensor), absl::StrCat("a type that a format packs, of ", quantization.Place()),
                   GetDType(tensor.dtype).name);
  }
  return absl::OkStatus();
}

// The blocks of which each has a scale, as the config says.
std::optional<std::pair<int64_t, int64_t>> DeclaredBlocks(const json::Value& quantization, const Method& method) {
  if (method.name == "compressed-tensors") {
    const auto groups = quantization.Get("config_groups").Members();
    if (groups.size() > 1) return std::nullopt;  // which tensor is in which, only their targets say
    const json::Value size = groups[0].second.Get("weights").Get("group_size");
    if (!IsGiven(size)) return std::nullopt;
    return std::pair(1, *size.Int(1, 1 << 24));
  }
  const json::Value block = quantization.Get("weight_block_size");
  if (method.name != "fp8" || !IsGiven(block)) return std::nullopt;
  return std::pair(*block.At(0).Int(1, 1 << 24), *block.At(1).Int(1, 1 << 24));
}

// Whether scales of so many blocks stand beside the tensor; other names and one scale for all are the table's business.
absl::Status CheckBlocks(const json::Value& quantization, const Method& method, const TensorSource& source) {
  const auto declared = DeclaredBlocks(quantization, method);
  if (!declared) return absl::OkStatus();
  const bool is_packed = method.name == "compressed-tensors";
  const auto [block_rows, block_cols] = *declared;
  for (const StoredTensor& tensor : source.tensors()) {
    if (!IsStoredBy(method, tensor) || tensor.shape.size() != 2) continue;
    const absl::string_view name = tensor.name;
    const StoredTensor* scales = source.Find(is_packed ? absl::StrCat(absl::StripSuffix(name, "_packed"), "_scale")
                                                       : absl::StrCat(name, "_scale_inv"));
    if (scales == nullptr || scales->elements() == 1) continue;
    const int64_t cols = tensor.shape[1] * (!is_packed ? 1 : tensor.dtype == DType::kI32 ? 8 : 2);
    const std::vector<int64_t> expected = {(tensor.shape[0] - 1) / block_rows + 1, (cols - 1) / block_cols + 1};
    if (scales->shape == expected) continue;
    return BadData(source.Place(*scales),
                   absl::StrCat("shape ", ShapeText(expected), " for blocks of ", block_rows, " x ", block_cols,
                                ", which ", quantization.Place(), " says"),
                   ShapeText(scales->shape));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckQuantization(const json::Value& config) {
  const json::Value quantization = QuantizationConfig(config);
  const json::Value method = quantization.Get("quant_method");
  if (!IsGiven(method)) {
    for (const auto& [path, program] : kForeignKeys) {
      const json::Value value = Lookup(config, path);
      if (IsGiven(value)) return NotSupported(value, absl::StrCat("no quantization of ", program));
    }
    if (!IsGiven(quantization)) return absl::OkStatus();
  }
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, method.String());
  if (name == "mxfp4") return absl::OkStatus();
  if (name == "fp8") return CheckFp8(quantization);
  if (name == "compressed-tensors") return CheckCompressed(quantization);
  if (name == kGptq) return CheckGptq(quantization);
  if (name == kAwq) return CheckAwq(quantization);
  return NotSupported(method, "fp8, mxfp4, compressed-tensors, gptq or awq");
}

absl::Status CheckQuantizedTensors(const json::Value& config, const TensorSource& source) {
  for (const auto& [suffix, program] : kForeignTensors) {
    const auto fits = [end = suffix](const StoredTensor& tensor) { return absl::EndsWith(tensor.name, end); };
    const auto found = std::find_if(source.tensors().begin(), source.tensors().end(), fits);
    if (found == source.tensors().end()) continue;
    return absl::UnimplementedError(absl::StrCat(source.Place(*found),
                                                 ": expected weights that are read, found those of ", program,
                                                 ", which are not supported; use the original checkpoint"));
  }
  const json::Value quantization = QuantizationConfig(config);
  const json::Value name = quantization.Get("quant_method");
  const bool is_declared = name.is_string() || IsGiven(config.Get("quantization"));  // the latter: Mistral's
  for (const Method& method : kMethods) {
    const bool is_method = name.is_string() && *name.String() == method.name;
    const auto is_stored = [&](const StoredTensor& tensor) { return IsStoredBy(method, tensor); };
    const auto stored = std::find_if(source.tensors().begin(), source.tensors().end(), is_stored);
    const bool has = stored != source.tensors().end();
    if (is_method && !has) return name.Error("a method that a tensor is stored in");
    if (has && !is_declared && method.must_be_declared) {
      return name.Error(absl::StrCat("\"", method.name, "\"", method.name == kGptq ? " or \"awq\"" : "",
                                     ", as tensor '", stored->name, "' is ", GetDType(stored->dtype).name));
    }
    if (!is_method) continue;
    NIBBLE_RETURN_IF_ERROR(CheckPackedTypes(quantization, method, source));
    NIBBLE_RETURN_IF_ERROR(CheckBlocks(quantization, method, source));
    NIBBLE_RETURN_IF_ERROR(CheckWords(quantization, method, source));
  }
  return absl::OkStatus();
}

void SetZeroPoints(const json::Value& config, absl::Span<LogicalTensor> tensors) {
  const json::Value quantization = QuantizationConfig(config);
  const json::Value name = quantization.Get("quant_method");
  if (!name.is_string() || *name.String() != kGptq) return;
  for (const absl::string_view key : kVersionKeys) {
    const json::Value version = quantization.Get(key);
    if (version.is_string() && *version.String() == kGptqV2) return;
  }
  for (LogicalTensor& tensor : tensors) {
    StridedView* view = std::get_if<StridedView>(&tensor.recipe);
    // As GPTQModel does it, in whole words: 15 + 1 carries into the next zero point.
    if (view != nullptr && view->words) view->words->add_to_zeros = view->words->bits == 4 ? 0x11111111 : 0x01010101;
  }
}

}  // namespace nibble
