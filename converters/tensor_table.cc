#include "converters/tensor_table.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "converters/rope_scaling.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"

namespace nibble {
namespace {

constexpr size_t kNamed = 8;  // tensors that an error names of each kind; the others are counted

int64_t Length(Dim dim, const ModelSpec& spec, int layer) {
  const Layer& facts = spec.layers(std::max(layer, 0));
  const int64_t heads = facts.attention().heads();
  const int64_t kv_heads = facts.attention().kv_heads();
  switch (dim) {
    case Dim::kNone:
      return 1;
    case Dim::kVocab:
      return spec.vocab_size();
    case Dim::kHidden:
      return spec.hidden_size();
    case Dim::kQueries:
      return heads * facts.attention().key_length();
    case Dim::kKeys:
      return kv_heads * facts.attention().key_length();
    case Dim::kValues:
      return kv_heads * facts.attention().value_length();
    case Dim::kAttended:
      return heads * facts.attention().value_length();
    case Dim::kFeedForward:
      return facts.feed_forward().length();
  }
  return 0;
}

std::string Quoted(absl::string_view name) { return absl::StrCat("'", absl::Utf8SafeCHexEscape(name), "'"); }

// Items of one kind of trouble, the first few of them kept.
class Trouble {
 public:
  void Add(std::string item) {
    if (++count_ <= kNamed) items_.push_back(std::move(item));
  }
  // "<label> a, b and 3 more", or nothing.
  void AppendTo(std::vector<std::string>& texts, absl::string_view label) const {
    if (count_ == 0) return;
    std::string text = absl::StrCat(label, " ", absl::StrJoin(items_, ", "));
    if (count_ > kNamed) absl::StrAppend(&text, " and ", count_ - kNamed, " more");
    texts.push_back(std::move(text));
  }

 private:
  size_t count_ = 0;
  std::vector<std::string> items_;
};

class Mapper {
 public:
  enum class Names { kPublished, kGguf };

  Mapper(const TensorTable& table, const ModelSpec& spec, const TensorSource& source, Names names)
      : table_(table), spec_(spec), source_(source), names_(names) {}

  absl::StatusOr<TensorMap> Map() {
    AddRopeFactors();
    for (size_t begin = 0; begin < table_.rows.size();) {
      const size_t end = EndOfGroup(begin);
      const bool per_layer = GetRole(table_.rows[begin].role).per_layer;
      std::vector<TensorRow> rows(table_.rows.begin() + begin, table_.rows.begin() + end);
      std::erase_if(rows, [&](const TensorRow& row) { return IsAbsent(row); });
      for (int layer = per_layer ? 0 : -1; layer < (per_layer ? spec_.layers_size() : 0); ++layer) {
        for (const TensorRow& row : rows) AddRow(row, layer);
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
    if (!GetRole(table_.rows[begin].role).per_layer) return begin + 1;
    size_t end = begin;
    while (end < table_.rows.size() && GetRole(table_.rows[end].role).per_layer) ++end;
    return end;
  }

  std::string Name(const TensorRow& row, int layer) const {
    if (names_ == Names::kPublished) return absl::StrReplaceAll(row.published, {{"{}", absl::StrCat(layer)}});
    return GgufName({.role = row.role, .layer = layer});
  }

  void AddRopeFactors() {
    const absl::string_view name = GetRole(Role::kRopeFactors).gguf_name;
    if (names_ == Names::kGguf && source_.Find(name) != nullptr) used_.insert(name);
    const auto& factors = spec_.layers(0).attention().rope().frequency_factors();
    if (!NeedRopeTensor(factors)) return;
    LogicalTensor tensor{.role = Role::kRopeFactors, .cols = factors.size(), .is_vector = true};
    tensor.recipe = Constants(factors.begin(), factors.end());
    map_.tensors.push_back(std::move(tensor));
  }

  void AddRow(const TensorRow& row, int layer) {
    const std::string name = Name(row, layer);
    const StoredTensor* stored = source_.Find(name);
    if (stored != nullptr) used_.insert(stored->name);
    if (row.presence == Presence::kUnlessTied && spec_.tied_embeddings()) {
      if (stored != nullptr) {
        map_.warnings.push_back(absl::StrCat(source_.Place(*stored), " is not used: the embeddings are tied"));
      }
      return;
    }
    if (stored == nullptr) {
      missing_.Add(Quoted(name));
      return;
    }
    if (Fits(row, layer, *stored)) map_.tensors.push_back(Logical(row, layer, *stored));
  }

  // Whether a row is optional and no layer has it.
  bool IsAbsent(const TensorRow& row) const {
    if (row.presence != Presence::kOptional) return false;
    for (int layer = 0; layer < spec_.layers_size(); ++layer) {
      if (source_.Find(Name(row, layer)) != nullptr) return false;
    }
    return true;
  }

  bool Fits(const TensorRow& row, int layer, const StoredTensor& stored) {
    std::vector<int64_t> shape = {Length(row.rows, spec_, layer)};
    if (row.cols != Dim::kNone) shape.push_back(Length(row.cols, spec_, layer));
    if (stored.shape != shape) {
      misshapen_.Add(absl::StrCat(Quoted(stored.name), " ", ShapeText(stored.shape), " instead of ", ShapeText(shape)));
      return false;
    }
    const DTypeInfo& dtype = GetDType(stored.dtype);
    if (!dtype.format.has_value()) {
      not_numbers_.Add(absl::StrCat(Quoted(stored.name), " (", dtype.name, ")"));
      return false;
    }
    return true;
  }

  LogicalTensor Logical(const TensorRow& row, int layer, const StoredTensor& stored) const {
    LogicalTensor tensor{.role = row.role, .layer = layer, .is_vector = row.cols == Dim::kNone};
    tensor.rows = tensor.is_vector ? 1 : stored.shape[0];
    tensor.cols = stored.shape.back();
    tensor.recipe = View(row, layer, stored);
    return tensor;
  }

  StridedView View(const TensorRow& row, int layer, const StoredTensor& stored) const {
    if (names_ == Names::kGguf) return IdentityView(stored);
    const Attention& attention = spec_.layers(std::max(layer, 0)).attention();
    switch (row.published_rows) {
      case PublishedRows::kAsInGguf:
        return IdentityView(stored);
      case PublishedRows::kHalfSplitHeads:
        return RopeInterleavedView(stored, attention.heads());
      case PublishedRows::kHalfSplitKvHeads:
        return RopeInterleavedView(stored, attention.kv_heads());
    }
    return IdentityView(stored);
  }

  void FindUnknown() {
    for (const StoredTensor& tensor : source_.tensors()) {
      if (!used_.contains(tensor.name) && !Ignored(tensor.name)) unknown_.Add(Quoted(tensor.name));
    }
  }

  bool Ignored(absl::string_view name) const {
    return std::any_of(table_.ignored_suffixes.begin(), table_.ignored_suffixes.end(),
                       [&](absl::string_view suffix) { return absl::EndsWith(name, suffix); });
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
