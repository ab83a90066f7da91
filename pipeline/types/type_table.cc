#include "pipeline/types/type_table.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/match.h"
#include "quant/block/packing.h"

namespace nibble {
namespace {

// The mixes are llama.cpp's, tensor by tensor, so that a user finds the file that the name promises.
bool MoreBits(const RuleContext& c) {
  const int eighth = c.layers / 8;
  return c.layer < eighth || c.layer >= 7 * c.layers / 8 || (c.layer - eighth) % 3 == 2;
}
bool FirstFour(const RuleContext& c) { return c.layer < 4; }
bool FirstEighth(const RuleContext& c) { return c.layer < c.layers / 8; }
bool Always(const RuleContext&) { return true; }
// Mixtral 8x7B and what has as many: attention is small beside eight experts.
bool HasEightExperts(const RuleContext& c) {
  return std::any_of(c.spec.layers().begin(), c.spec.layers().end(),
                     [](const Layer& layer) { return layer.feed_forward().experts().count() == 8; });
}
// Llama 2 70B and what has its form: so few key-value heads that attn_v is small.
bool Is70B(const RuleContext& c) {
  const Attention& attention = c.spec.layers(0).attention();
  return c.spec.family() == "llama" && c.spec.layers_size() == 80 && attention.heads() != attention.kv_heads();
}

constexpr MixRule kQ4KM[] = {
    {Role::kValue, HasEightExperts, Format::kQ8_0}, {Role::kValue, MoreBits, Format::kQ6_K},
    {Role::kValue, Is70B, Format::kQ5_K},           {Role::kQueryKeyValue, MoreBits, Format::kQ6_K},
    {Role::kKey, HasEightExperts, Format::kQ8_0},   {Role::kAttentionOutput, HasEightExperts, Format::kQ5_K},
    {Role::kDown, MoreBits, Format::kQ6_K},         {Role::kExpertDown, MoreBits, Format::kQ6_K},
    {Role::kSharedDown, MoreBits, Format::kQ6_K},
};
constexpr MixRule kQ4KS[] = {
    {Role::kValue, HasEightExperts, Format::kQ8_0},
    {Role::kValue, FirstFour, Format::kQ5_K},
    {Role::kValue, Is70B, Format::kQ5_K},
    {Role::kQueryKeyValue, FirstFour, Format::kQ5_K},
    {Role::kKey, HasEightExperts, Format::kQ8_0},
    {Role::kAttentionOutput, HasEightExperts, Format::kQ5_K},
    {Role::kDown, FirstEighth, Format::kQ5_K},
    {Role::kExpertDown, FirstEighth, Format::kQ5_K},
    {Role::kSharedDown, FirstEighth, Format::kQ5_K},
};
constexpr MixRule kQ5KM[] = {
    {Role::kValue, HasEightExperts, Format::kQ8_0},  {Role::kValue, MoreBits, Format::kQ6_K},
    {Role::kQueryKeyValue, MoreBits, Format::kQ6_K}, {Role::kKey, HasEightExperts, Format::kQ8_0},
    {Role::kDown, MoreBits, Format::kQ6_K},          {Role::kExpertDown, MoreBits, Format::kQ6_K},
    {Role::kSharedDown, MoreBits, Format::kQ6_K},
};
constexpr MixRule kQ5KS[] = {
    {Role::kValue, HasEightExperts, Format::kQ8_0},
    {Role::kKey, HasEightExperts, Format::kQ8_0},
};
constexpr MixRule kMxfp4Moe[] = {
    {Role::kExpertGate, Always, Format::kMXFP4},
    {Role::kExpertUp, Always, Format::kMXFP4},
    {Role::kExpertDown, Always, Format::kMXFP4},
};

// A float type is taken for everything: it was asked for to lose nothing.
constexpr NamedType Plain(absl::string_view name, Format format, uint32_t file_type) {
  return {name, format, format, format, file_type};
}
constexpr NamedType Blocks(absl::string_view name, Format format, uint32_t file_type) {
  return {name, format, Format::kQ8_0, Format::kQ8_0, file_type};
}
constexpr NamedType OfFolders(absl::string_view name, Format format) { return {name, format, format, format, 0}; }
constexpr NamedType Mix(absl::string_view name, Format format, uint32_t file_type, absl::Span<const MixRule> rules) {
  return {name, format, format, Format::kQ6_K, file_type, true, rules};
}

// In the order of Format, then the mixes. llama.cpp has no file type for "every tensor Q4_K": the nearest mix's serves.
constexpr NamedType kTypes[] = {
    Plain("F32", Format::kF32, 0),
    Plain("F16", Format::kF16, 1),
    Plain("BF16", Format::kBF16, 32),
    Blocks("Q8_0", Format::kQ8_0, 7),
    Blocks("Q4_0", Format::kQ4_0, 2),
    Blocks("Q4_1", Format::kQ4_1, 3),
    Blocks("Q5_0", Format::kQ5_0, 8),
    Blocks("Q5_1", Format::kQ5_1, 9),
    Blocks("Q2_K", Format::kQ2_K, 10),
    Blocks("Q3_K", Format::kQ3_K, 11),
    Blocks("Q4_K", Format::kQ4_K, 14),
    Blocks("Q5_K", Format::kQ5_K, 16),
    Blocks("Q6_K", Format::kQ6_K, 18),
    Blocks("IQ4_NL", Format::kIQ4_NL, 25),
    Blocks("IQ4_XS", Format::kIQ4_XS, 30),
    Blocks("MXFP4", Format::kMXFP4, 38),
    Blocks("NVFP4", Format::kNVFP4, 39),
    OfFolders("INT4_G32", Format::kINT4_G32),
    OfFolders("INT4_G128", Format::kINT4_G128),
    Mix("Q4_K_M", Format::kQ4_K, 15, kQ4KM),
    Mix("Q4_K_S", Format::kQ4_K, 14, kQ4KS),
    Mix("Q5_K_M", Format::kQ5_K, 17, kQ5KM),
    Mix("Q5_K_S", Format::kQ5_K, 16, kQ5KS),
    {"MXFP4_MOE", Format::kQ8_0, Format::kQ8_0, Format::kQ8_0, 38, true, kMxfp4Moe},
};

}  // namespace

absl::Span<const NamedType> NamedTypes() { return kTypes; }

const NamedType* FindType(absl::string_view name) {
  for (const NamedType& type : kTypes) {
    if (absl::EqualsIgnoreCase(type.name, name)) return &type;
  }
  return nullptr;
}

bool CanHold(Container container, const NamedType& type) {
  const BlockFormat& format = GetFormat(type.format);
  if (container == Container::kGguf) return format.gguf_type >= 0;
  if (container == Container::kMxfp4) return !type.is_mix && type.format == Format::kMXFP4;
  return !type.is_mix && FindPacking(type.format) != nullptr;
}

bool CanEncode(const NamedType& type) { return GetFormat(type.format).encode_rtn != nullptr; }

const NamedType& TypeOf(Format format) {
  const NamedType& type = kTypes[static_cast<size_t>(format)];
  assert(type.format == format && !type.is_mix);
  return type;
}

}  // namespace nibble
