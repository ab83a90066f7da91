#include "converters/tensor_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/published_weight.h"
#include "converters/rope_scaling.h"
#include "converters/trouble.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"

namespace nibble {
namespace {

constexpr int kNoSlice = -1;
constexpr size_t kMissing = 1000;
constexpr uint64_t kMaxBiasBytes = 1 << 24;

std::string Quoted(absl::string_view name) { return absl::StrCat("'", absl::Utf8SafeCHexEscape(name), "'"); }

bool IsPerSlice(const TensorRow& row) { return absl::StrContains(row.published, "{e}"); }

// One role of one layer: alternatives, of which the first stands for all that is not about names and layouts.
using Alternatives = absl::Span<const TensorRow>;

class Mapper {
 public:
  enum class Names { kPublished, kGguf };

  Mapper(const TensorTable& table, const ModelSpec& spec, const TensorSource& source, Names names)
      : table_(table),
        spec_(spec),
        source_(source),
        names_(names),
        published_(source, names == Names::kPublished ? table.prefixes : absl::Span<const Prefix>()) {}

  absl::StatusOr<TensorMap> Map() {
    AddRopeFactors();
    for (size_t begin = 0; begin < table_.rows.size();) {
      const size_t end = EndOfGroup(begin);
      const std::vector<Alternatives> roles = PresentRoles(begin, end);
      const bool per_layer = GetRole(table_.rows[begin].role).per_layer;
      for (int layer = per_layer ? 0 : -1; layer < (per_layer ? LayerCount(spec_) : 0); ++layer) {
        for (const Alternatives& role : roles) AddRole(role, layer);
        if (IsAnotherModel()) return Verdict();
      }
      begin = end;
    }
    FindUnknown();
    NIBBLE_RETURN_IF_ERROR(Verdict());
    return std::move(map_);
  }

 private:
  // Rows of a layer that follow one another are written layer by layer.
  size_t EndOfGroup(size_t begin) const {
    const bool per_layer = GetRole(table_.rows[begin].role).per_layer;
    size_t end = begin + 1;
    while (end < table_.rows.size() &&
           (per_layer ? GetRole(table_.rows[end].role).per_layer : table_.rows[end].role == table_.rows[begin].role)) {
      ++end;
    }
    return end;
  }

  // The roles of rows [begin, end), but for optional ones that no layer has.
  std::vector<Alternatives> PresentRoles(size_t begin, size_t end) const {
    std::vector<Alternatives> roles;
    while (begin < end) {
      size_t next = begin + 1;
      while (next < end && table_.rows[next].role == table_.rows[begin].role) ++next;
      const Alternatives role = table_.rows.subspan(begin, next - begin);
      if (!IsAbsent(role)) roles.push_back(role);
      begin = next;
    }
    return roles;
  }

  bool IsAbsent(const Alternatives& role) const {
    if (role[0].presence != Presence::kOptional) return false;
    const int first = GetRole(role[0].role).per_layer ? 0 : -1;
    for (int layer = first; layer < (first < 0 ? 0 : LayerCount(spec_)); ++layer) {
      if (layer >= 0 && !AppliesTo(role[0].role, LayerOf(spec_, layer))) continue;
      const TensorRow* row = FindRow(role, layer);
      if (row != nullptr && !IsNoBias(*FindWeight(published_, Name(*row, layer, 0))->stored)) return false;
    }
    return true;
  }

  std::string Name(const TensorRow& row, int layer, int slice) const {
    if (names_ == Names::kPublished) {
      return absl::StrReplaceAll(row.published, {{"{}", absl::StrCat(layer)}, {"{e}", absl::StrCat(slice)}});
    }
    return GgufName({.role = row.role, .layer = layer, .gguf_name = row.gguf_name});
  }

  // The alternative that the checkpoint has; null if it has none.
  const TensorRow* FindRow(const Alternatives& role, int layer) const {
    for (const TensorRow& row : role) {
      if (FindWeight(published_, Name(row, layer, 0))) return &row;
      if (names_ == Names::kGguf) return nullptr;
    }
    return nullptr;
  }

  void AddRopeFactors() {
    const absl::string_view name = GetRole(Role::kRopeFactors).gguf_name;
    if (names_ == Names::kGguf && source_.Find(name) != nullptr) used_.insert(name);
    const absl::Span<const float> factors = RopeTensor(spec_);
    if (factors.empty()) return;
    LogicalTensor tensor{.role = Role::kRopeFactors, .cols = static_cast<int64_t>(factors.size()), .is_vector = true};
    tensor.recipe = Constants(factors.begin(), factors.end());
    map_.tensors.push_back(std::move(tensor));
  }

  void AddRole(const Alternatives& role, int layer) {
    if (layer >= 0 && !AppliesTo(role[0].role, LayerOf(spec_, layer))) return;
    const TensorRow* found = FindRow(role, layer);
    const TensorRow& row = found == nullptr ? role[0] : *found;
    if (row.presence == Presence::kUnlessTied && spec_.tied_embeddings()) {
      if (found != nullptr) WarnOfTied(row);
      return;
    }
    const int64_t slices = layer < 0 ? 0 : SliceCount(row.role, LayerOf(spec_, layer));
    if (slices == 0) AddTensor(row, layer, kNoSlice, 0);
    for (int slice = 0; slice < slices; ++slice) {
      const bool added = AddTensor(row, layer, slice, slices);
      if (!added && (LiesInOne(row) || IsAnotherModel())) return;
    }
  }

  // All slices of a row's tensor in one stored tensor, or each in its own.
  bool LiesInOne(const TensorRow& row) const { return names_ == Names::kGguf || !IsPerSlice(row); }

  // So much is missing that looking for the rest, which may be any number, would say nothing more.
  bool IsAnotherModel() const { return missing_.size() > source_.tensors().size() + kMissing; }

  void WarnOfTied(const TensorRow& row) {
    const PublishedWeight weight = *FindWeight(published_, Name(row, -1, 0));
    Use(weight);
    map_.warnings.push_back(absl::StrCat(source_.Place(*weight.stored), " is not used: the embeddings are tied"));
  }

  void Use(const PublishedWeight& weight) {
    for (const StoredTensor* tensor :
         {weight.stored, weight.scales, weight.divisor, weight.shape_tensor, weight.zeros, weight.groups}) {
      if (tensor != nullptr) used_.insert(tensor->name);
    }
  }

  // Whether it is there as it should be.
  bool AddTensor(const TensorRow& row, int layer, int slice, int64_t slices) {
    const bool in_one = slice != kNoSlice && LiesInOne(row);
    const std::string name = Name(row, layer, std::max(slice, 0));
    const std::optional<PublishedWeight> weight = FindWeight(published_, name);
    if (!weight) {
      missing_.Add(Quoted(name));
      return false;
    }
    Use(*weight);
    Slot slot{spec_, layer, Length(row.rows, spec_, layer), Length(row.cols, spec_, layer), row.cols == Dim::kNone};
    slot.slice = std::max(slice, 0);
    slot.slices = in_one ? slices : 0;
    Placement placement = (names_ == Names::kGguf ? AsInGguf : row.layout)(slot);
    if (!Fits(*weight, placement.shape)) return false;
    map_.tensors.push_back(Logical(row, slot, slice, *weight, std::move(placement.view)));
    return true;
  }

  bool Fits(const PublishedWeight& weight, const std::vector<int64_t>& shape) {
    const std::string name = Quoted(weight.stored->name);
    const DTypeInfo& dtype = GetDType(weight.stored->dtype);
    Trouble* trouble = nullptr;
    std::string text;
    if (weight.in_words && (weight.scales == nullptr || weight.zeros == nullptr)) {
      trouble = &missing_;
      const bool has_scales = weight.scales != nullptr;
      text = absl::StrCat(Quoted(has_scales ? weight.zeros_name : weight.scales_name),
                          has_scales ? ", the zero points of " : ", the scales of ", name);
    } else if (weight.in_words && !weight.words) {
      trouble = &misshapen_;
      text = absl::StrCat(name, " ", ShapeText(weight.shape), " with scales ", GetDType(weight.scales->dtype).name, " ",
                          ShapeText(weight.scales->shape), " and zero points ", ShapeText(weight.zeros->shape),
                          weight.groups == nullptr ? "" : " and groups " + ShapeText(weight.groups->shape),
                          ", which are no integers of GPTQ or AWQ of 4 or 8 bits");
    } else if (weight.shape != shape) {
      trouble = &misshapen_;
      text = absl::StrCat(name, " ", ShapeText(weight.shape), " instead of ", ShapeText(shape));
    } else if (!weight.packed && !weight.words && !dtype.format.has_value()) {
      trouble = &not_numbers_;
      text = absl::StrCat(name, " (", dtype.name, ")");
    } else if (!weight.scales_name.empty() && weight.scales == nullptr) {
      trouble = &missing_;
      text = absl::StrCat(Quoted(weight.scales_name), ", the scales of ", name);
    } else if (!weight.in_words && !weight.scales_name.empty() && !weight.Blocks()) {
      trouble = &misshapen_;
      text = absl::StrCat(Quoted(weight.scales->name), " ", GetDType(weight.scales->dtype).name, " ",
                          ShapeText(weight.scales->shape), ", which cannot be the scales of ", name, " ",
                          ShapeText(weight.shape));
    }
    if (trouble != nullptr) trouble->Add(std::move(text));
    return trouble == nullptr;
  }

  LogicalTensor Logical(const TensorRow& row, const Slot& slot, int slice, const PublishedWeight& weight,
                        StridedView view) const {
    view.tensor = weight.stored->name;
    view.packed = weight.packed;
    view.scales = weight.Blocks();
    view.words = weight.words;
    if (names_ == Names::kPublished) view.add = row.add;
    LogicalTensor tensor{.role = row.role, .layer = slot.layer, .slice = slice, .is_vector = slot.is_vector};
    tensor.rows = slot.is_vector ? 1 : slot.rows;
    tensor.cols = slot.is_vector ? slot.rows : slot.cols;
    tensor.gguf_name = row.gguf_name;
    tensor.recipe = std::move(view);
    return tensor;
  }

  void FindUnknown() {
    Trouble dropped, predictions;
    for (const StoredTensor& tensor : source_.tensors()) {
      if (used_.contains(tensor.name) || IsIgnored(tensor.name) || IsNoBias(tensor)) continue;
      Trouble& group = IsFurtherLayer(tensor.name) ? predictions : IsDropped(tensor.name) ? dropped : unknown_;
      group.Add(Quoted(tensor.name));
    }
    if (!dropped.empty()) {
      map_.warnings.push_back(absl::StrCat("dropped, as no part of the language model: ", dropped.Text()));
    }
    if (!predictions.empty()) {
      map_.warnings.push_back(
          absl::StrCat("dropped, as layers for multi-token prediction (--keep-mtp): ", predictions.Text()));
    }
  }

  bool IsIgnored(absl::string_view name) const {
    return std::any_of(table_.ignored_suffixes.begin(), table_.ignored_suffixes.end(),
                       [&](absl::string_view suffix) { return absl::EndsWith(name, suffix); });
  }

  // AutoGPTQ writes a bias for every linear; those that the model does not have are zero.
  bool IsNoBias(const StoredTensor& tensor) const {
    const absl::string_view module = absl::StripSuffix(tensor.name, "bias");
    if (module == tensor.name || source_.Find(absl::StrCat(module, "qweight")) == nullptr) return false;
    std::vector<std::byte> bytes(std::min(tensor.bytes, kMaxBiasBytes));
    return bytes.size() == tensor.bytes && source_.Read(tensor, 0, absl::MakeSpan(bytes)).ok() &&
           std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
  }

  bool IsDropped(absl::string_view name) const {
    return names_ == Names::kPublished &&
           std::any_of(table_.dropped_prefixes.begin(), table_.dropped_prefixes.end(),
                       [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
  }

  // Of a layer beyond the spec's that is for multi-token prediction: it has a tensor that only those layers have.
  bool IsFurtherLayer(absl::string_view name) const {
    const auto row = std::find_if(table_.rows.begin(), table_.rows.end(),
                                  [](const TensorRow& row) { return row.role == Role::kPredictionProjection; });
    if (row == table_.rows.end()) return false;
    const bool is_gguf = names_ == Names::kGguf;
    const absl::string_view prefix = is_gguf ? "blk." : row->published.substr(0, row->published.find("{}"));
    const std::string known = is_gguf ? std::string(name) : NameInTable(name, table_.prefixes);
    if (!absl::StartsWith(known, prefix)) return false;
    const absl::string_view rest = absl::string_view(known).substr(prefix.size());
    int layer = 0;
    return absl::SimpleAtoi(rest.substr(0, rest.find('.')), &layer) && layer >= LayerCount(spec_) &&
           published_.Find(Name(*row, layer, 0)) != nullptr;
  }

  absl::Status Verdict() const {
    std::vector<std::string> found;
    missing_.AppendTo(found, "no");
    misshapen_.AppendTo(found, "shapes");
    not_numbers_.AppendTo(found, "types without a value");
    unknown_.AppendTo(found, "unknown");
    if (found.empty()) return absl::OkStatus();
    const std::string path = source_.files().empty() ? "checkpoint" : source_.files()[0]->path();
    return BadData(path, absl::StrCat("the tensors of a ", spec_.family(), " with ", spec_.layers_size(), " layers"),
                   absl::StrJoin(found, "; "));
  }

  const TensorTable& table_;
  const ModelSpec& spec_;
  const TensorSource& source_;
  const Names names_;
  const PublishedNames published_;
  TensorMap map_;
  absl::flat_hash_set<absl::string_view> used_;
  Trouble missing_, misshapen_, not_numbers_, unknown_;
};

}  // namespace

absl::StatusOr<TensorMap> MapCheckpoint(const TensorTable& table, const ModelSpec& spec, const TensorSource& source) {
  return Mapper(table, spec, source, Mapper::Names::kPublished).Map();
}

absl::StatusOr<TensorMap> MapGguf(const TensorTable& table, const ModelSpec& spec, const TensorSource& source) {
  return Mapper(table, spec, source, Mapper::Names::kGguf).Map();
}

}  // namespace nibble
